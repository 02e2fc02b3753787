#include "node/agent/oci_spec.h"

#include <functional>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cloister::node {
namespace {

json::value spec() {
  return boost::json::parse(R"({
    "ociVersion": "1.3.0", "hostname": "h", "domainname": "d", "hooks": {},
    "root": {"path": "rootfs", "readonly": true},
    "process": {"args": ["python3", "x"], "cwd": "/w", "env": ["A=1"], "user": {"uid": 1000},
                "capabilities": {"bounding": ["CAP_KILL"]}, "noNewPrivileges": true},
    "mounts": [{"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec"]},
               {"destination": "/workspace", "type": "bind", "source": "/pods/1/w", "options": ["rw"]}],
    "annotations": {"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.container-name": "box",
                    "io.kubernetes.cri.sandbox-uid": "u1", "io.kubernetes.cri.sandbox-name": "p1",
                    "io.kubernetes.cri.image-name": "i:1", "dev.gvisor.flag.overlay2": "root:self",
                    "dev.gvisor.internal.x": "1", "dev.gvisor.spec.cgroup-parent": "/pod1",
                    "dev.gvisor.spec.mount.workspace.type": "bind", "dev.gvisor.spec.mount.workspace.source": "/pods/1/w"},
    "linux": {"cgroupsPath": "/pod1/c1", "resources": {"memory": {"limit": 5}, "devices": [{"major": 1}]},
              "namespaces": [{"type": "pid"}, {"type": "network", "path": "/proc/1/ns/net"}],
              "seccomp": {"defaultAction": "SCMP_ACT_ERRNO"}, "maskedPaths": ["/proc/kcore"]}})");
}

using Change = std::function<void(json::object&)>;

std::optional<std::string> differenceAfter(const Change& change) {
  json::value other = spec();
  change(other.get_object());
  const Container a = readContainer(boost::json::serialize(spec())).value();
  const Container b = readContainer(boost::json::serialize(other)).value();
  return firstDifference(a.compared, b.compared);
}

json::object& in(json::object& spec, std::string_view key) {
  return spec[key].get_object();
}

TEST(OciSpec, ReadsWhoseItIs) {
  const Container box = readContainer(boost::json::serialize(spec())).value();
  EXPECT_FALSE(box.isRoot);
  EXPECT_EQ(box.name, "box");
  EXPECT_EQ(box.podUID, "u1");
  EXPECT_TRUE(box.hasWorkspaceInside);
  const Container root =
      readContainer(
          R"({"annotations":{"io.kubernetes.cri.container-type":"sandbox","io.kubernetes.cri.container-name":"x"}})")
          .value();
  EXPECT_TRUE(root.isRoot);
  EXPECT_EQ(root.name, "");
  EXPECT_FALSE(root.hasWorkspaceInside);
}

TEST(OciSpec, ReadsHowMuchItMayWrite) {
  const auto limit = [](const std::string& annotations) {
    const FileLimits found = fileLimits(readContainer(R"({"annotations":{)" + annotations + "}}")->compared);
    return std::pair(found.workspace, found.disk);
  };
  const std::string workspace =
      R"("dev.gvisor.spec.mount.workspace.options":"rw,size=1000,mode=0755,uid=1000")";
  const std::string root = R"("dev.gvisor.flag.overlay2":"root:self,size=500")";
  EXPECT_EQ(limit(workspace + "," + root), std::pair(1000L, 500L));
  EXPECT_EQ(limit(workspace), std::pair(1000L, 0L));
  EXPECT_EQ(limit(root + R"(,"dev.gvisor.spec.mount.tmp.options":"rw,size=7")"), std::pair(0L, 500L));
  for (const char* none : {"root:self", "size=", "size=x", "size=-1", "resize=5", ""})
    EXPECT_EQ(limit(R"("dev.gvisor.flag.overlay2":")" + std::string(none) + "\""), std::pair(0L, 0L)) << none;
}

TEST(OciSpec, RefusesWhatIsNone) {
  for (const char* text : {"", "{", "[]", "{}", R"({"annotations":7})"})
    EXPECT_FALSE(readContainer(text)) << text;
}

TEST(OciSpec, IsEqualWhereOnlyThatDiffersWhichMay) {
  const Change changes[] = {
      [](json::object& s) { s["hostname"] = "other"; },
      [](json::object& s) { s["domainname"] = "other"; },
      [](json::object& s) { s.erase("hooks"); },
      [](json::object& s) { in(s, "root")["path"] = "/elsewhere"; },
      [](json::object& s) { in(s, "process")["env"] = json::array{"B=2"}; },
      [](json::object& s) { in(s, "linux")["cgroupsPath"] = "/pod2/c2"; },
      [](json::object& s) { in(in(s, "linux"), "resources").erase("devices"); },
      [](json::object& s) {
        in(s, "linux")["namespaces"] =
            json::array{{{"type", "network"}, {"path", "/proc/2/ns/net"}}, {{"type", "pid"}}};
      },
      [](json::object& s) { in(s, "annotations")["io.kubernetes.cri.sandbox-uid"] = "u2"; },
      [](json::object& s) { in(s, "annotations")["dev.gvisor.internal.x"] = "2"; },
      [](json::object& s) { in(s, "annotations")["dev.gvisor.spec.cgroup-parent"] = "/pod2"; },
      [](json::object& s) { in(s, "annotations")["dev.gvisor.spec.mount.workspace.source"] = "/pods/2/w"; },
      [](json::object& s) { in(s, "annotations")["cloister.dev/restore-from"] = "saved"; },
      [](json::object& s) {
        json::array& mounts = s["mounts"].get_array();
        std::swap(mounts[0], mounts[1]);
        mounts[0].get_object()["source"] = "/pods/2/w";
        mounts[1].get_object()["options"] = json::array{"noexec", "nosuid"};
      },
      [](json::object& s) { std::swap(in(s, "process")["cwd"], in(s, "process")["cwd"]); },
  };
  for (const Change& change : changes) EXPECT_EQ(differenceAfter(change), std::nullopt) << &change - changes;
}

struct Difference {
  Change change;
  const char* path;
};

TEST(OciSpec, NamesTheFirstDifference) {
  const Difference differences[] = {
      {[](json::object& s) { in(s, "process")["args"].get_array()[1] = "y"; }, "process.args"},
      {[](json::object& s) { in(s, "process")["cwd"] = "/"; }, "process.cwd"},
      {[](json::object& s) { in(in(s, "process"), "user")["uid"] = 0; }, "process.user.uid"},
      {[](json::object& s) { in(s, "process").erase("noNewPrivileges"); }, "process.noNewPrivileges"},
      {[](json::object& s) { in(in(s, "process"), "capabilities")["bounding"] = json::array(); },
       "process.capabilities.bounding"},
      {[](json::object& s) { in(s, "root")["readonly"] = false; }, "root.readonly"},
      {[](json::object& s) { s["mounts"].get_array().pop_back(); }, "mounts"},
      {[](json::object& s) { s["mounts"].get_array()[0].get_object()["options"] = json::array(); }, "mounts"},
      {[](json::object& s) { in(in(in(s, "linux"), "resources"), "memory")["limit"] = 6; },
       "linux.resources.memory.limit"},
      {[](json::object& s) { in(s, "linux").erase("seccomp"); }, "linux.seccomp"},
      {[](json::object& s) { in(s, "linux")["maskedPaths"] = json::array(); }, "linux.maskedPaths"},
      {[](json::object& s) { in(s, "annotations")["dev.gvisor.flag.overlay2"] = "none"; },
       "annotations.dev.gvisor.flag.overlay2"},
      {[](json::object& s) { in(s, "annotations")["io.kubernetes.cri.image-name"] = "i:2"; },
       "annotations.io.kubernetes.cri.image-name"},
      {[](json::object& s) { s["ociVersion"] = "1.4.0"; }, "ociVersion"},
      {[](json::object& s) { s["vm"] = json::object(); }, "vm"},
  };
  for (const Difference& one : differences) EXPECT_EQ(differenceAfter(one.change), one.path);
}

}  // namespace
}  // namespace cloister::node
