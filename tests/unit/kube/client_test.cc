#include "kube/client.h"

#include <gtest/gtest.h>

#include "tests/support/scripted_transport.h"
#include "tests/support/sim_clock.h"

namespace cloister::kube {
namespace {

using test::answer;
using test::Fault;

class ClientTest : public testing::Test {
 protected:
  template <class T>
  T run(Task<T> task) {
    return test::run(clock, std::move(task));
  }

  test::SimClock clock;
  test::ScriptedTransport transport{clock};
  Client client{transport, clock};
};

TEST_F(ClientTest, ReadsWhatItAskedFor) {
  transport.then(answer(200, R"({"kind":"Pod","metadata":{"name":"web"}})"));
  const auto pod = run(client.get(pods, {"default", "web"}));
  ASSERT_TRUE(pod) << pod.error().message;
  EXPECT_EQ(json::findString(*pod, "metadata.name"), "web");
  EXPECT_EQ(transport.requests().at(0).target, "/api/v1/namespaces/default/pods/web");
}

TEST_F(ClientTest, PassesFailuresOn) {
  transport.failCall(0, Fault::Refused);
  transport.failCall(1, Fault::LostAnswer);
  EXPECT_EQ(run(client.create(pods, "a", json::object())).error().code, Errc::Unavailable);
  EXPECT_EQ(run(client.create(pods, "a", json::object())).error().code, Errc::Timeout);
  transport.then(answer(409, R"({"kind":"Status","reason":"AlreadyExists","code":409})"));
  EXPECT_EQ(run(client.create(pods, "a", json::object())).error().code, Errc::AlreadyExists);
  EXPECT_EQ(transport.requests().size(), 3U) << "nothing is tried again here";
}

TEST_F(ClientTest, ReportsEachCallOnce) {
  std::vector<std::string> calls;
  client.onCall([&](const CallRecord& call) {
    calls.push_back(std::string(call.verb) + " " + std::string(call.resource) + " " +
                    std::to_string(call.status));
  });
  for (int i = 0; i < 6; ++i)
    transport.then(answer(200, R"({"metadata":{"resourceVersion":"1"},"items":[]})"));
  const ObjectKey key{"a", "b"};
  (void)run(client.get(pods, key));
  (void)run(client.list(pods, "a", {}));
  (void)run(client.create(pods, "a", json::object()));
  (void)run(client.replace(pods, key, json::object()));
  (void)run(client.patch(sandboxes, key, json::object(), {.subresource = "status"}));
  (void)run(client.remove(pods, key, {}));
  (void)run(client.watch(pods, "a", {}));
  transport.failAll(Fault::Refused);
  (void)run(client.get(pods, key));
  EXPECT_EQ(calls, (std::vector<std::string>{"get pods 200", "list pods 200", "create pods 200",
                                             "update pods 200", "patch sandboxes 200", "delete pods 200",
                                             "watch pods 404", "get pods 0"}));
}

class WatchTest : public ClientTest {
 protected:
  void SetUp() override {
    transport.then(answer(200, ""));
    watch = run(client.watch(pods, "a", {.resourceVersion = "5"})).value();
  }
  Result<WatchEvent> next() { return run(watch->next(seconds(60))); }

  std::unique_ptr<Watch> watch;
};

TEST_F(WatchTest, GivesEventsHoweverTheyArrive) {
  transport.stream(0).send(R"({"type":"ADDED","object":{"a":1}})"
                           "\n"
                           R"({"type":"MODI)");
  EXPECT_EQ(next()->type, WatchEvent::Type::Added);
  transport.stream(0).send("FIED\",\"object\":{\"a\":2}}\n");
  EXPECT_EQ(next()->object, json::value({{"a", 2}}));
}

TEST_F(WatchTest, EndsAndFallsSilent) {
  EXPECT_EQ(next().error().code, Errc::Timeout) << "nothing came for a minute";
  transport.stream(0).close();
  EXPECT_EQ(next().error().code, Errc::Unavailable);
}

TEST_F(WatchTest, TellsThatItsVersionIsTooOld) {
  transport.stream(0).send(R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}})"
                           "\n");
  EXPECT_EQ(next().error().code, Errc::Gone);
  transport.then(answer(410, R"({"kind":"Status","code":410,"reason":"Expired"})"));
  EXPECT_EQ(run(client.watch(pods, "a", {.resourceVersion = "1"})).error().code, Errc::Gone);
}

TEST_F(WatchTest, RefusesWhatIsNoEvent) {
  transport.stream(0).send("hello\n");
  EXPECT_EQ(next().error().code, Errc::Protocol);
}

}  // namespace
}  // namespace cloister::kube
