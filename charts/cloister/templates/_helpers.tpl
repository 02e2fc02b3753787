{{- define "cloister.name" -}}
{{- printf "%s-operator" (.Release.Name | trunc 40 | trimSuffix "-") -}}
{{- end -}}

{{- define "cloister.selector" -}}
app.kubernetes.io/name: cloister-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "cloister.labels" -}}
{{ include "cloister.selector" . }}
{{ include "cloister.commonLabels" . }}
{{- end -}}

{{- define "cloister.commonLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: cloister
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "cloister.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "cloister.name" .) -}}
{{- end -}}

{{- define "cloister.user" -}}
{{- printf "system:serviceaccount:%s:%s" .Release.Namespace (include "cloister.serviceAccount" .) -}}
{{- end -}}

{{- define "cloister.image" -}}
{{- with .Values.image -}}
{{- printf "%s/operator:%s" $.Values.registry (.tag | default $.Chart.AppVersion) -}}{{- with .digest -}}@{{ . }}{{- end -}}
{{- end -}}
{{- end -}}

{{- /* What runs on nodes: its objects are in a namespace of their own. */ -}}
{{- define "cloister.nodeName" -}}
{{- printf "%s-node" (.Release.Name | trunc 40 | trimSuffix "-") -}}
{{- end -}}

{{- define "cloister.nodePods" -}}
app.kubernetes.io/name: cloister-node
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "cloister.nodeLabels" -}}
{{ include "cloister.nodePods" . }}
{{ include "cloister.commonLabels" . }}
{{- end -}}

{{- /* The folder with the config.json of each container. */ -}}
{{- define "cloister.bundles" -}}
{{- .Values.snapshots.paths.containerdState -}}/io.containerd.runtime.v2.task/k8s.io
{{- end -}}

{{- define "cloister.nodeImage" -}}
{{- printf "%s/node:%s" .Values.registry (.Values.image.tag | default .Chart.AppVersion) -}}{{- with .Values.snapshots.imageDigest -}}@{{ . }}{{- end -}}
{{- end -}}

{{- /* "true" when the operator is told that there are snapshots: by us, or because somebody else runs cloister-node. */ -}}
{{- define "cloister.snapshots" -}}
{{- if dig "snapshots" "enabled" .Values.snapshots.enabled .Values.config -}}true{{- end -}}
{{- end -}}

{{- define "cloister.sandboxImage" -}}
{{- printf "%s/sandbox-base:%s" .Values.registry .Chart.AppVersion -}}
{{- end -}}

{{- /* The operator's configuration: what the values say, and what only the chart knows. */ -}}
{{- define "cloister.config" -}}
{{- $defaults := dict "image" (include "cloister.sandboxImage" .) -}}
{{- with include "cloister.priorityClass" . }}{{ $_ := set $defaults "priorityClassName" . }}{{ end -}}
{{- $known := dict
    "defaults" $defaults
    "leaderElection" (dict "name" (include "cloister.name" .)) -}}
{{- if include "cloister.admissionPolicy" . }}{{ $_ := set $known "podsGuarded" true }}{{ end -}}
{{- if include "cloister.snapshots" . }}{{ $_ := set $known "snapshots" (dict "enabled" true "nodeSelector" .Values.snapshots.nodeSelector) }}{{ end -}}
{{- with .Values.watchNamespaces }}{{ $_ := set $known "watchNamespaces" . }}{{ end -}}
{{- toYaml (mergeOverwrite $known (deepCopy .Values.config)) -}}
{{- end -}}

{{- /* The PriorityClass that the chart creates, if it does. */ -}}
{{- define "cloister.priorityClass" -}}
{{- if kindIs "bool" .Values.priorityClass.create -}}
{{- if .Values.priorityClass.create }}{{ .Values.priorityClass.name }}{{ end -}}
{{- else if and (not .Values.watchNamespaces) (not (dig "defaults" "priorityClassName" "" .Values.config)) -}}
{{- .Values.priorityClass.name -}}
{{- end -}}
{{- end -}}

{{- /* "true" when the policy is installed. */ -}}
{{- define "cloister.admissionPolicy" -}}
{{- if kindIs "bool" .Values.admissionPolicy.enabled -}}
{{- if .Values.admissionPolicy.enabled -}}true{{- end -}}
{{- else if not .Values.watchNamespaces -}}true{{- end -}}
{{- end -}}

{{- /* What the operator does in a namespace with Sandboxes. */ -}}
{{- define "cloister.rules" -}}
- apiGroups: [cloister.dev]
  resources: [sandboxes]
  # delete: at expiry{{ if include "cloister.snapshots" . }}; create: what a template's golden snapshot is taken of{{ end }}
  verbs: [get, list, watch, {{ if include "cloister.snapshots" . }}create, {{ end }}delete]
- apiGroups: [cloister.dev]
  resources: [sandboxtemplates, sandboxpools, sandboxquotas]
  verbs: [get, list, watch]
{{- if include "cloister.snapshots" . }}
- apiGroups: [cloister.dev]
  # Created to suspend a sandbox; deleted then, and when their ttl is over. patch: what onExpiry Snapshot leaves loses its owner.
  resources: [sandboxsnapshots]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [cloister.dev]
  resources: [sandboxsnapshots/status] # why no node takes it, and that its node is lost
  verbs: [patch]
{{- end }}
- apiGroups: [cloister.dev]
  resources: [sandboxes/status, sandboxtemplates/status, sandboxpools/status, sandboxquotas/status]
  verbs: [patch]
- apiGroups: [apps]
  resources: [controllerrevisions] # what a template said at one time
  verbs: [get, list, watch, create, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, create, patch, delete] # patch: to take a pool's pod, and the label of the network profile
- apiGroups: [""]
  resources: [persistentvolumeclaims] # a workspace with a storageClass; it goes with its Sandbox
  verbs: [get, create]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [resourcequotas] # that stand behind a SandboxQuota
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [events]
  verbs: [get, list, create, patch] # get, list: they tell why a pod is pending
{{- end -}}

{{- define "cloister.restrictedContainer" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}
