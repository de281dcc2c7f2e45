// Asking on the terminal.
#include "cli/consent.h"

#include <unistd.h>

#include <iostream>

namespace klubster {

bool is_meant(bool yes, const std::string& what_happens, const std::string& word) {
  if (yes || ::isatty(STDIN_FILENO) != 1) return true;
  std::cerr << what_happens << "\nType `" << word << "` to go on: ";
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == word) return true;
  std::cerr << "klubster: nothing was done\n";
  return false;
}

}  // namespace klubster
