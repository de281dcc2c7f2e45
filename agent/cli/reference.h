// Reference pages made from the tables: what stands in docs/ cannot differ from what runs.
#pragma once

#include <string>

#include "base/json.h"
#include "cli/text_table.h"

namespace klubster {

std::string keys_markdown();  // docs/config.md
std::string keys_text(const Look& look);
Json keys_json();            // nix/schema.json
std::string keys_systemd();  // units/klubster-credentials.conf

std::string reasons_markdown();  // docs/reasons.md
std::string reasons_text(const Look& look);
Json reasons_json();

}  // namespace klubster
