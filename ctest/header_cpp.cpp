/* The header alone as C++, with the names of the library unmangled. */
#include "sonset.h"

static void nothing(void *) {}

int main()
{
    sonset_stream_config config = sonset_stream_config();
    sonset_release_callback release = nothing;
    sonset_buffer *buffer = 0;
    if (sonset_stream_config_init(&config) != SONSET_OK) return 1;
    if (config.struct_size != sizeof config) return 1;
    if (sonset_buffer_wrap(0, 1, 1, 0, release, 0, &buffer) != SONSET_ERROR_NULL_POINTER) return 1;
    return buffer == 0 ? 0 : 1;
}
