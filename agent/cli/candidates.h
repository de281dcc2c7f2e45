// What may stand at the end of a command line: for the shells' completion.
#pragma once

#include <string>
#include <vector>

namespace klubster {

// `words` is what was typed after `klubster`; the last one is the word at the cursor, empty when
// nothing of it is typed yet. Sorted; empty when anything may stand there, such as a file. Never
// fails: a tree that cannot be read has no keys.
std::vector<std::string> candidates(std::vector<std::string> words);

}  // namespace klubster
