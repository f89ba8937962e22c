#include "CSystem.h"  // A C target needs one source; everything is inline.
