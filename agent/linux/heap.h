// The program's memory as the kernel sees it.
#pragma once

namespace klubster {

// Gives what a burst took and nothing uses any more back to the kernel: the allocator would keep it
// for the next one.
void give_back_memory();

}  // namespace klubster
