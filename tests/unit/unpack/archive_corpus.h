// The archives of tests/archives/, made once a test program.
#pragma once

#include <stdexcept>

#include "base/text.h"
#include "linux/package.h"
#include "tests/unit/http/test_server.h"

namespace klubster {

struct ArchiveCase {
  std::string name;
  std::string verdict;  // "accept", or reasons with | between
  std::string words;    // part of the message
  PackageLimits limits;
};

// A directory with NAME.tgz for each case.
inline const TempDir& archive_corpus() {
  static const TempDir directory;
  static const bool made = [] {
    const std::string script = std::string(KLUBSTER_TEST_ARCHIVES) + "/corpus.py";
    const std::string command = "python3 " + script + " " + directory.path();
    if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
    return true;
  }();
  (void)made;
  return directory;
}

inline PackageLimits limits_from_text(const std::string& text) {
  PackageLimits limits;
  for (const auto& word : split(text, ' ')) {
    if (word.empty()) continue;
    const auto equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const std::uint64_t value = std::stoull(word.substr(equals + 1));
    if (name == "entries") {
      limits.entries = value;
    } else if (name == "bytes") {
      limits.bytes = value;
    } else if (name == "file_bytes") {
      limits.file_bytes = value;
    } else if (name == "ratio") {
      limits.ratio = value;
    } else {
      throw std::runtime_error("unknown limit " + name);
    }
  }
  return limits;
}

inline std::vector<ArchiveCase> archive_cases() {
  std::vector<ArchiveCase> cases;
  for (const auto& line : split(file_text(archive_corpus() / "verdicts.tsv"), '\n')) {
    if (line.empty()) continue;
    const auto fields = split(line, '\t');
    if (fields.size() != 4) throw std::runtime_error("verdicts.tsv: " + line);
    cases.push_back({std::string(fields[0]), std::string(fields[1]), std::string(fields[2]),
                     limits_from_text(std::string(fields[3]))});
  }
  return cases;
}

}  // namespace klubster
