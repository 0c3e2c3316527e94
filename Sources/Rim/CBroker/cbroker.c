#include "cbroker.h"
