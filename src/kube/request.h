// The API server's verbs as HTTP requests: values in, values out.
// Source: https://kubernetes.io/docs/reference/using-api/api-concepts/
//
// Writes ask for strict field validation: a field that the server does not know, which may be one that fences
// a sandbox, is an error and not dropped. A write without a field manager is recorded under the program's
// name, from the User-Agent.
#pragma once

#include "kube/client.h"

namespace cloister::kube {

// "/api/v1/namespaces/default/pods/web/status"; everything is percent-encoded. NAME and SUBRESOURCE may be
// empty.
std::string path(const Resource& resource, std::string_view namespace_, std::string_view name,
                 std::string_view subresource = {});

net::Request getRequest(const Resource& resource, const ObjectKey& key);
net::Request listRequest(const Resource& resource, std::string_view namespace_, const ListOptions& options);
net::Request watchRequest(const Resource& resource, std::string_view namespace_, const WatchOptions& options);
net::Request createRequest(const Resource& resource, std::string_view namespace_, const json::value& object);
net::Request replaceRequest(const Resource& resource, const ObjectKey& key, const json::value& object,
                            std::string_view subresource);
net::Request patchRequest(const Resource& resource, const ObjectKey& key, const json::value& body,
                          const PatchOptions& options);
net::Request deleteRequest(const Resource& resource, const ObjectKey& key, const DeleteOptions& options);

}  // namespace cloister::kube
