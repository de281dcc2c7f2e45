// klubster config keys
#include <iostream>
#include <memory>

#include "cli/exit_code.h"
#include "cli/reference.h"
#include "cli/verbs.h"

namespace klubster {

Action declare_config_keys(Arguments& arguments) {
  const auto format = std::make_shared<std::string>("text");
  arguments.choice("--format", format.get(), {"text", "markdown", "json", "systemd"},
                   "How to print them (default text)");
  return [format] {
    if (*format == "markdown") {
      std::cout << keys_markdown();
    } else if (*format == "systemd") {
      std::cout << keys_systemd();
    } else if (*format == "json") {
      std::cout << keys_json().pretty() << "\n";
    } else {
      std::cout << keys_text(look_of_stdout());
    }
    return kExitDone;
  };
}

}  // namespace klubster
