#include "cseal.h"
