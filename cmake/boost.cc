// The one translation unit that holds the code of Asio, Beast (BOOST_*_SEPARATE_COMPILATION) and JSON.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
#include <boost/json/src.hpp>
