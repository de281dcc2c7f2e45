// klubster: what this node is, does and knows of its peers.
#include <csignal>
#include <exception>
#include <iostream>

#include "base/digest.h"
#include "cli/exit_code.h"
#include "cli/verbs.h"

int main(int argc, char** argv) {
  klubster::start_crypto();
  std::signal(SIGPIPE, SIG_DFL);  // `klubster history | head` ends quietly
  try {
    return klubster::run_command_line(klubster::all_verbs(), argc, argv);
  } catch (const std::exception& bug) {
    std::cerr << "klubster: " << bug.what() << "\n";
    return klubster::kExitFailed;
  }
}
