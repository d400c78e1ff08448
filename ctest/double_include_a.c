/* One of two translation units with the header, which this one includes twice. */
#include "sonset.h"
#include "sonset.h"

int32_t version_of_the_other_unit(void);

int main(void)
{
    return version_of_the_other_unit() == sonset_version_number() ? 0 : 1;
}
