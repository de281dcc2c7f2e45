// Log lines to standard error by spdlog, or to a sink that a program sets.
#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "base/reason.h"

namespace klubster {

namespace {

LogSink& sink() {
  static LogSink current;
  return current;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
    case LogLevel::kNotice:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

void set_log_sink(LogSink new_sink) {
  sink() = std::move(new_sink);
}

void log(LogLevel level, std::string_view message, const LogFields& fields) {
  if (sink()) return sink()(level, message, fields);
  static const auto logger = [] {
    auto made = spdlog::stderr_color_st("klubster");
    made->set_pattern("%^%l%$: %v");
    return made;
  }();
  logger->log(spdlog_level(level), message);
}

void log_error(const Error& error, LogFields fields) {
  fields.emplace_back("KLUBSTER_REASON", error.reason());
  const std::string next = next_step(error);
  const std::string text = error.message() + " [" + error.reason() + "]";
  log(LogLevel::kError, text + (next.empty() ? "" : "; " + next), fields);
}

}  // namespace klubster
