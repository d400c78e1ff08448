/* The header alone, before anything else is included: it brings what it needs. */
#include "sonset.h"

int main(void)
{
    sonset_stream_config config = {0};
    sonset_play_params play = {0};
    sonset_receipt receipt = {0};
    int32_t version = SONSET_VERSION_MAJOR * 1000000 + SONSET_VERSION_MINOR * 1000 + SONSET_VERSION_PATCH;
    config.backend = SONSET_BACKEND_VIRTUAL;
    play.start_mode = SONSET_START_AT_FRAME;
    receipt.outcome = SONSET_OUTCOME_NONE;
    if (sonset_version_number() != version) return 1;
    return config.struct_size == 0 && play.struct_size == 0 && receipt.outcome == 0 ? 0 : 1;
}
