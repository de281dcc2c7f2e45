// What writing by libarchive has in common.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <memory>

#include "base/result.h"

namespace klubster {

struct FreeArchive {
  void operator()(archive* writer) const { archive_write_free(writer); }
};
using ArchivePtr = std::unique_ptr<archive, FreeArchive>;

struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};
using EntryPtr = std::unique_ptr<archive_entry, FreeEntry>;

// Any answer but OK is a failure: libarchive's warnings are failures in disguise.
Status demand(archive* writer, int code);

}  // namespace klubster
