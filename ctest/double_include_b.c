/* The other translation unit: the header defines nothing that the linker would find twice. */
#include "sonset.h"

int32_t version_of_the_other_unit(void);

int32_t version_of_the_other_unit(void)
{
    return sonset_version_number();
}
