#include "handfast_transport.h"  /* A C target needs one source; the headers are all there is. */
