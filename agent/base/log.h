// Log lines with structured fields. Where they go is decided once, by the program's main.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace klubster {

enum class LogLevel { kDebug = 7, kInfo = 6, kNotice = 5, kWarning = 4, kError = 3 };

// Journal fields beside the message, such as {"KLUBSTER_STEP", "join"}. Never a secret.
using LogFields = std::vector<std::pair<std::string, std::string>>;
using LogSink = std::function<void(LogLevel, std::string_view message, const LogFields&)>;

void log(LogLevel level, std::string_view message, const LogFields& fields = {});
inline void log_info(std::string_view message, const LogFields& fields = {}) {
  log(LogLevel::kInfo, message, fields);
}
inline void log_warning(std::string_view message, const LogFields& fields = {}) {
  log(LogLevel::kWarning, message, fields);
}
// "what happened [Reason]; what to type". One failure makes one line: whoever handles an error logs
// it, whoever returns it does not.
void log_error(const Error& error, LogFields fields = {});

// Replaces the default (standard error, by spdlog) by another sink, such as the journal's.
void set_log_sink(LogSink sink);

}  // namespace klubster
