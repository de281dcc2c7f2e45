// Log lines to the journal, with their structured fields.
#pragma once

namespace klubster {

// Makes the journal the log sink when standard error is connected to it (JOURNAL_STREAM of
// systemd.exec(5)); otherwise lines stay on standard error.
void log_to_journal_if_connected();

}  // namespace klubster
