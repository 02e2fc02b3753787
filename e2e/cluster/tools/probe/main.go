// Probe is the only program in the live tests' image: it says what a pod can reach and where it runs.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

const account = "/var/run/secrets/kubernetes.io/serviceaccount/"

var commands = map[string]func(string) (string, error){
	"serve":  serve,  // answers HTTP at ADDRESS
	"dial":   dial,   // opens a TCP connection to ADDRESS
	"get":    get,    // fetches a URL
	"api":    api,    // asks the API server for a PATH with the pod's own token
	"lookup": lookup, // resolves NAME
	"stat":   stat,   // says how large FILE is
	"kernel": kernel, // prints the kernel's log
}

func main() {
	if len(os.Args) != 3 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: probe serve|dial|get|api|lookup|stat|kernel ARGUMENT")
		os.Exit(2)
	}
	out, err := commands[os.Args[1]](os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(out)
}

func serve(address string) (string, error) {
	return "", http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	}))
}

func dial(address string) (string, error) {
	conn, err := net.DialTimeout("tcp", address, 3*time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return "connected to " + conn.RemoteAddr().String(), nil
}

func get(url string) (string, error) {
	return fetch(&http.Client{Timeout: 3 * time.Second}, url, "")
}

func api(path string) (string, error) {
	ca, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		return "", err
	}
	token, err := os.ReadFile(account + "token")
	if err != nil {
		return "", err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	client := &http.Client{Timeout: 3 * time.Second, Transport: transport}
	return fetch(client, "https://kubernetes.default.svc"+path, string(token))
}

func fetch(client *http.Client, url, token string) (string, error) {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return fmt.Sprintf("%d %s", response.StatusCode, body), err
}

func lookup(name string) (string, error) {
	addresses, err := net.LookupHost(name)
	return fmt.Sprint(addresses), err
}

func stat(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(info.Size()), nil
}

func kernel(string) (string, error) {
	const readAll = 3 // SYSLOG_ACTION_READ_ALL
	buffer := make([]byte, 1<<16)
	n, err := syscall.Klogctl(readAll, buffer)
	if err != nil {
		return "", err
	}
	return string(buffer[:n]), nil
}
