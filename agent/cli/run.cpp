// klubster run
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <utility>

#include "base/text.h"
#include "cli/agent_client.h"
#include "cli/exit_code.h"
#include "cli/guarded_call.h"
#include "cli/verbs.h"
#include "linux/journal_reader.h"

namespace klubster {

namespace {

constexpr std::uint64_t kJournalLagUsec = 200'000;

struct RunOptions {
  std::string name;
  std::vector<std::string> inputs;  // NAME=value
  bool detach = false;
  std::uint64_t if_generation = 0;
};

Result<std::map<std::string, std::string>> read_inputs(const std::vector<std::string>& words) {
  std::map<std::string, std::string> inputs;
  for (const auto& word : words) {
    const auto equals = word.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return Error(ErrorKind::kInvalid, "Usage", "expected INPUT=value, found " + printable(word));
    }
    inputs[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return inputs;
}

// What the command writes, as far as this user may read the journal.
class LiveOutput {
 public:
  explicit LiveOutput(const std::string& name) {
    OutputFilter filter;
    filter.phase = "command";
    filter.step = name;
    auto journal = JournalReader::open_system(filter);
    if (!journal || !journal->seek(0)) return;
    journal_ = std::make_unique<JournalReader>(std::move(*journal));
  }
  // True when there was something.
  bool print() {
    bool printed = false;
    while (journal_) {
      const auto output = journal_->next();
      if (!output || !*output) break;
      for (const auto& line : split((*output)->message, '\n'))
        std::cout << printable(line, line.size() * 4) << "\n";  // \xNN at most
      printed = true;
    }
    std::cout.flush();
    return printed;
  }
  // The journal may be a little behind what systemd says.
  void print_rest() {
    while (journal_ && journal_->wait(kJournalLagUsec) && print()) {
    }
  }

 private:
  std::unique_ptr<JournalReader> journal_;
};

// This request of the command in the agent's status; null once a newer one has its place.
const Json* find_request(const Json::Array& commands, std::int64_t request) {
  const auto found = std::ranges::find_if(
      commands, [&](const Json& command) { return command.integer_or("request") == request; });
  return found == commands.end() ? nullptr : &*found;
}

// What came of it; nothing while it goes on.
std::optional<int> verdict(const Json& command, const std::string& name) {
  const std::string state = command.text_or("state");
  if (state == "done") return kExitDone;
  if (state != "failed" && state != "needs-person") return std::nullopt;
  // It was tried as often as it may be: there is nothing that comes by itself.
  return report(Error(ErrorKind::kIo, command.text_or("reason"), command.text_or("message"))
                    .in("command " + name)
                    .hint("klubster logs command/" + name));
}

// "waiting for server Ready at any of n1", or nothing.
std::string wait_of(const Json& command) {
  return command.text_or("state") == "waiting" ? command.text_or("message") : "";
}

int follow(AgentClient& client, LiveOutput& output, const RunOptions& options,
           std::int64_t request) {
  std::string waits;
  const auto code = client.follow_status(0, [&](const Json& status) -> std::optional<int> {
    output.print();
    const auto& commands = status.items("commands");
    const Json* command = find_request(commands, request);
    if (command == nullptr) return kExitFailed;
    const std::string before = std::exchange(waits, wait_of(*command));
    if (waits != before && !waits.empty()) {
      std::cerr << options.name << " waits: " << printable(waits, 512) << "\n";
    }
    return verdict(*command, options.name);
  });
  output.print_rest();
  return code.value_or(kExitFailed);
}

int run(const RunOptions& options) {
  const auto inputs = read_inputs(options.inputs);
  if (!inputs) return report(inputs.error());
  auto client = AgentClient::create();
  if (!client) return report(client.error());
  LiveOutput output(options.name);
  const auto request = client->ask_agent("Run", [&](BusMessage& message) {
    message.add_string(options.name).open('a', "{ss}");
    for (const auto& [name, value] : *inputs)
      message.open('e', "ss").add_string(name).add_string(value).close();
    message.close();
    add_options(message, {{"if-generation", options.if_generation}});
  });
  if (!request) return report(request.error());
  if (!options.detach) {
    return follow(*client, output, options, request->integer_or("request"));
  }
  std::cerr << "accepted; to see what it writes: klubster logs command/" << options.name << " -f\n";
  return kExitDone;
}

}  // namespace

Action declare_run(Arguments& arguments) {
  const auto options = std::make_shared<RunOptions>();
  arguments.word("COMMAND", &options->name, "One of the profile's commands", true);
  arguments.words("INPUT=VALUE", &options->inputs,
                  "Values for this run; those of the tree count for the rest");
  declare_if_generation(arguments, &options->if_generation);
  arguments.flag("--detach", &options->detach, "Do not wait for its end");
  return [options] { return run(*options); };
}

}  // namespace klubster
