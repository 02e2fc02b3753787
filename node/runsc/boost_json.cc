// Boost.JSON itself: the program is static, and brings all that it needs.
#include <boost/json/src.hpp>
