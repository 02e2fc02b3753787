from footprint import served_writes
from lib.controllers import Writes, our_writes, peer_writes
from support.metrics import Metrics


def test_reads_and_the_lease_are_no_writes_of_ours():
    text = """
cloister_api_requests_total{verb="create",resource="pods",code="201"} 3
cloister_api_requests_total{verb="patch",resource="sandboxes",code="200"} 3
cloister_api_requests_total{verb="patch",resource="sandboxes",code="409"} 1
cloister_api_requests_total{verb="patch",resource="pods",code="422"} 1
cloister_api_requests_total{verb="update",resource="leases",code="200"} 50
cloister_api_requests_total{verb="list",resource="pods",code="200"} 7
cloister_api_requests_total{verb="watch",resource="pods",code="200"} 7
cloister_api_requests_total{verb="get",resource="nodes",code="200"} 7
"""
    assert our_writes(Metrics(text)) == Writes(8, 2)


def test_the_peers_are_told_by_method():
    text = """
rest_client_requests_total{code="200",host="h",method="GET"} 9
rest_client_requests_total{code="201",host="h",method="POST"} 2
rest_client_requests_total{code="200",host="h",method="PATCH"} 4
"""
    assert peer_writes(Metrics(text)) == Writes(6, 0)


def test_the_api_servers_count_leaves_out_what_others_write():
    def line(verb, resource, subresource, count):
        labels = f'code="200",resource="{resource}",subresource="{subresource}",verb="{verb}"'
        return f"apiserver_request_total{{{labels}}} {count}"

    ours = [line("POST", "pods", "", 100), line("PATCH", "sandboxes", "status", 100), line("POST", "networkpolicies", "", 1)]
    others = [line("POST", "pods", "binding", 100), line("PATCH", "pods", "status", 300), line("DELETE", "pods", "", 100),
              line("POST", "sandboxes", "", 100), line("DELETE", "sandboxes", "", 100), line("PUT", "leases", "", 20),
              line("WATCH", "pods", "", 4)]
    assert served_writes(Metrics("\n".join(ours + others))) == 201
