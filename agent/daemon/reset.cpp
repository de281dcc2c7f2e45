// The order to forget, from its writing to its removal.
#include "daemon/reset.h"

#include "base/log.h"
#include "linux/files.h"
#include "linux/systemd_units.h"

namespace klubster {

Status begin_reset(Bus& bus, const Places& places, const RequestedLeave& leave) {
  const Json order = Json::Object{{"by", leave.by}, {"identity", leave.identity}};
  auto written = write_file_durably(places.reset_order(), order.dump() + "\n", 0600);
  if (!written) return std::move(written.error()).in("ordering the reset");
  order_unit_job(bus, "StartUnit", names::kResetUnit, [](const Result<BusMessage>& reply) {
    if (!reply) log_error(Error(reply.error()).in("starting " + std::string(names::kResetUnit)));
  });
  return {};
}

std::optional<std::string> finished_reset(const Places& places) {
  if (!exists(places.reset_order())) return std::nullopt;
  const auto bytes = read_file(places.reset_order(), names::kSmallJsonBytes);
  const auto order = bytes ? parse_json(*bytes) : bytes.error();
  return order ? order->text_or("by") : std::string();
}

void forget_order(const Places& places) {
  if (auto removed = remove_file(places.reset_order()); !removed) log_error(removed.error());
}

}  // namespace klubster
