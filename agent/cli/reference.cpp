// The schema and the reasons as text, Markdown and JSON.
#include "cli/reference.h"

#include "base/reason.h"
#include "model/key_names.h"
#include "model/schema.h"

namespace klubster {

namespace {

// In a table's cell a bar would end the cell, and <name> would be taken for HTML.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else {
      out += c;
    }
  }
  return out;
}

std::string row(const std::vector<std::string>& cells) {
  std::string line = "|";
  for (const auto& text : cells)
    line += " " + text + " |";
  return line + "\n";
}

std::string code(std::string_view text) {
  return text.empty() ? "" : "`" + std::string(text) + "`";
}

// A default is shown as code when it is a value, as words when it describes one.
std::string default_cell(const KeySpec& spec) {
  const std::string value = default_value(spec);
  return value.empty() ? cell(spec.default_text) : code(value);
}

std::string group_of(std::string_view pattern) {
  return std::string(pattern.substr(0, pattern.find('/')));
}

}  // namespace

std::string keys_markdown() {
  std::string text =
      "# Keys of the config tree\n\n"
      "<!-- Made by `klubster config keys --format markdown`: mend the table in "
      "agent/model/schema.cpp. -->\n\n"
      "The path of a file is its key, its content is the value. How layers and overlays come "
      "together is told in `klubster explain KEY` for each key.\n"
      "*In place*: whether the value may change while the node belongs to a cluster; where it may "
      "not, `klubster leave` comes first.\n";
  std::string group;
  for (const auto& spec : schema()) {
    if (group_of(spec.pattern) != group) {
      group = group_of(spec.pattern);
      text += "\n## " + group + "\n\n" +
              row({"key", "form", "default", "in place", "since", "meaning"}) +
              row({"---", "---", "---", "---", "---", "---"});
    }
    std::string form = cell(expectation(spec.type));
    if (spec.secret) form += "; secret";
    text += row({code(spec.pattern), form, default_cell(spec), spec.in_place ? "yes" : "no",
                 std::string(spec.since), cell(spec.help)});
  }
  return text;
}

std::string keys_text(const Look& look) {
  std::vector<std::vector<Cell>> rows;
  for (const auto& spec : schema()) {
    rows.push_back({std::string(spec.pattern),
                    std::string(type_name(spec.type)) + (spec.secret ? ", secret" : ""),
                    std::string(spec.default_text), std::string(spec.help)});
  }
  return text_table({"KEY", "FORM", "DEFAULT", "MEANING"}, rows, look);
}

Json keys_json() {
  Json list = Json::array();
  for (const auto& spec : schema()) {
    Json entry;
    entry["key"] = spec.pattern;
    entry["type"] = type_name(spec.type);
    entry["expects"] = expectation(spec.type);
    entry["default"] = spec.default_text;
    entry["secret"] = spec.secret;
    entry["inPlace"] = spec.in_place;
    entry["newline"] = allows_newline(spec.type);
    entry["variable"] = location_variable(spec);
    entry["credential"] = credential_name(spec.pattern);
    entry["since"] = spec.since;
    entry["help"] = spec.help;
    list.push_back(std::move(entry));
  }
  return list;
}

std::string keys_systemd() {
  std::string text =
      "# Made by `klubster config keys --format systemd`: mend the table in "
      "agent/model/schema.cpp.\n"
      "#\n"
      "# Each key may come as a credential of this name: handed to the machine (SMBIOS, fw_cfg, "
      "the\n"
      "# container's manager) or from a credstore directory. One that is nowhere is left out. Keys "
      "that\n"
      "# hold a name of yours, and encrypted credentials, are added at boot by a generator.\n"
      "[Service]\n";
  for (const auto& spec : schema()) {
    if (!is_open_ended(spec)) text += "LoadCredential=" + credential_name(spec.pattern) + "\n";
  }
  return text;
}

std::string reasons_markdown() {
  std::string text =
      "# Reasons\n\n"
      "<!-- Made by `klubster explain --all --format markdown`: mend the table in "
      "agent/base/reason.cpp. -->\n\n"
      "Every failure has one of these names, on the command line, in `klubster status`, in the "
      "journal and in what peers see. `klubster explain REASON` shows a row of it.\n\n" +
      row({"reason", "meaning", "what to do", "tried again by itself"}) +
      row({"---", "---", "---", "---"});
  for (const auto& reason : reasons()) {
    text += row({code(reason.name), cell(reason.meaning), cell(reason.next),
                 reason.retried ? "yes" : "no"});
  }
  return text;
}

std::string reasons_text(const Look& look) {
  std::vector<std::vector<Cell>> rows;
  for (const auto& reason : reasons()) {
    rows.push_back({std::string(reason.name), std::string(reason.meaning)});
  }
  return text_table({"REASON", "MEANING"}, rows, look);
}

Json reasons_json() {
  Json list = Json::array();
  for (const auto& reason : reasons()) {
    Json entry;
    entry["reason"] = reason.name;
    entry["meaning"] = reason.meaning;
    entry["next"] = reason.next;
    entry["retried"] = reason.retried;
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace klubster
