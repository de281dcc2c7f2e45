// Making the daemon's directories.
#include "daemon/places.h"

#include "linux/files.h"

namespace klubster {

Status make_places(const Places& places) {
  // 0711 and 0755: a step's user reaches the sealed profiles, and nothing else.
  if (auto made = make_directory(places.state, 0711); !made) return made;
  if (auto made = make_directory(places.profiles(), 0755); !made) return made;
  // The event log makes its own.
  for (const auto& path :
       {places.generations(), places.blobs(), places.facts(), places.staging(), places.results()}) {
    if (auto made = make_directory(path, 0700); !made) return made;
  }
  if (auto made = make_directory(places.run, 0755); !made) return made;
  if (auto made = make_directory(places.credentials(), 0700); !made) return made;
  return make_directory(places.outputs(), 0700);
}

}  // namespace klubster
