#include <array>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/value_stack.hpp>

#include "json/codec.h"

namespace cloister::json {
namespace {

using ErrorCode = boost::system::error_code;
using Text = boost::json::string_view;

// Makes a value of what Boost's parser finds. What a list that is left out holds goes no further than the
// parser.
class Builder {
 public:
  static constexpr size_t max_object_size = object::max_size();
  static constexpr size_t max_array_size = array::max_size();
  static constexpr size_t max_key_size = boost::json::string::max_size();
  static constexpr size_t max_string_size = boost::json::string::max_size();

  Builder(std::string_view leftOut, boost::json::storage_ptr storage)
      : leftOut_(leftOut), stack_({}, scratch_.data(), scratch_.size()) {
    stack_.reset(std::move(storage));
  }

  value release() { return stack_.release(); }

  bool on_document_begin(ErrorCode&) { return true; }
  bool on_document_end(ErrorCode&) { return true; }
  bool on_object_begin(ErrorCode&) {
    return follow([] {});
  }
  bool on_object_end(size_t size, ErrorCode&) {
    return follow([&] { stack_.push_object(size); });
  }
  bool on_array_begin(ErrorCode&) {
    if (depth_ > 0 || isLeftOut_) ++depth_;
    isLeftOut_ = false;
    return true;
  }
  bool on_array_end(size_t size, ErrorCode&) {
    const bool ends = depth_ == 1;
    if (depth_ > 0) --depth_;
    return follow([&] { stack_.push_array(ends ? 0 : size); });
  }
  bool on_key_part(Text text, size_t, ErrorCode&) {
    return follow([&] { stack_.push_chars(text); });
  }
  bool on_key(Text text, size_t size, ErrorCode&) {
    follow([&] { stack_.push_key(text); });
    isLeftOut_ = !text.empty() && size == text.size() && text == leftOut_;
    return true;
  }
  bool on_string_part(Text text, size_t, ErrorCode&) {
    return follow([&] { stack_.push_chars(text); });
  }
  bool on_string(Text text, size_t, ErrorCode&) {
    return follow([&] { stack_.push_string(text); });
  }
  bool on_number_part(Text, ErrorCode&) { return true; }
  bool on_int64(int64_t number, Text, ErrorCode&) {
    return follow([&] { stack_.push_int64(number); });
  }
  bool on_uint64(uint64_t number, Text, ErrorCode&) {
    return follow([&] { stack_.push_uint64(number); });
  }
  bool on_double(double number, Text, ErrorCode&) {
    return follow([&] { stack_.push_double(number); });
  }
  bool on_bool(bool truth, ErrorCode&) {
    return follow([&] { stack_.push_bool(truth); });
  }
  bool on_null(ErrorCode&) {
    return follow([&] { stack_.push_null(); });
  }
  bool on_comment_part(Text, ErrorCode&) { return true; }
  bool on_comment(Text, ErrorCode&) { return true; }

 private:
  template <class Push>
  bool follow(Push push) {
    isLeftOut_ = false;
    if (depth_ == 0) push();
    return true;
  }

  std::string_view leftOut_;
  bool isLeftOut_ = false;  // the value that begins here, if it is a list
  size_t depth_ = 0;        // of lists, from the one that is left out
  std::array<unsigned char, 4096> scratch_;
  boost::json::value_stack stack_;
};

}  // namespace

Result<value> parse(std::string_view text, std::string_view leftOut) {
  boost::json::parse_options options;
  options.max_depth = 64;
  // Many small members, made and dropped together: one block for them all costs a fraction of an allocation
  // each.
  auto block = boost::json::make_shared_resource<boost::json::monotonic_resource>(2 * text.size() + 64);
  boost::json::basic_parser<Builder> parser(options, leftOut, std::move(block));
  boost::system::error_code error;
  const size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (!error && read < text.size()) error = boost::json::error::extra_data;
  if (error) {
    return fail(Errc::Protocol, "not JSON: " + error.message() + " at byte " + std::to_string(read));
  }
  return parser.handler().release();
}

}  // namespace cloister::json
