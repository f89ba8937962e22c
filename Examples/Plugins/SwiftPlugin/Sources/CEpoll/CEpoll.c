#include "CEpoll.h"  /* A C target needs one source; the header is all there is. */
