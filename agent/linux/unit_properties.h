// Unit properties on the wire: what StartTransientUnit takes and what GetAll gives.
#pragma once

#include "engine/unit.h"
#include "linux/bus.h"

namespace klubster {

// Appends the a(sv) of StartTransientUnit.
void append_unit_properties(BusMessage& message, const TransientUnit& unit);
// Reads the a{sv} of Properties.GetAll; properties of no interest are skipped.
UnitSnapshot read_unit_snapshot(BusMessage& message);
// Reads the s, a{sv} of PropertiesChanged: what the signal does not say stays empty.
UnitSnapshot read_unit_changes(BusMessage& message);

}  // namespace klubster
