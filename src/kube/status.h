// What the API server answered: an object, or why not.
// Source: k8s.io/apimachinery/pkg/apis/meta/v1, type Status.
#pragma once

#include "json/codec.h"
#include "kube/client.h"
#include "net/http.h"

namespace cloister::kube {

// A metav1.Status as an Error. Error::reason is Status.reason, or that of a cause which says more:
// NamespaceTerminating, FieldManagerConflict, ResourceVersionTooLarge. CODE is the HTTP status where
// Status.code is absent.
Error readStatus(const json::value& status, int code);

// The failure that RESPONSE reports; its status is not 2xx.
Error readFailure(const net::Response& response);

Result<json::value> readObject(const net::Response& response);
Result<ListPage> readPage(const net::Response& response);

// One line of a watch. An ERROR event is an Error.
Result<WatchEvent> readEvent(std::string_view line);

}  // namespace cloister::kube
