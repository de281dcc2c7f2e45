// `klubster reset`: what is left to do once everything is undone, and after it is forgotten.
#pragma once

#include <optional>
#include <string>

#include "daemon/places.h"
#include "linux/bus.h"
#include "model/event.h"

namespace klubster {

// Writes down what klubster-reset.service is to forget, and starts it: it stops this daemon and
// starts it again with an empty log. kIo.
Status begin_reset(Bus& bus, const Places& places, const RequestedLeave& leave);

// Who asked for the reset that an empty log comes from; nullopt: the log was never there.
std::optional<std::string> finished_reset(const Places& places);
// That it is over is on record.
void forget_order(const Places& places);

}  // namespace klubster
