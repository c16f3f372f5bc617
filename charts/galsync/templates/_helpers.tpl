{{- define "galsync.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "galsync.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "galsync.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "galsync.selectorLabels" -}}
app.kubernetes.io/name: {{ include "galsync.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "galsync.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "galsync.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: galsync
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "galsync.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "galsync.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is required when serviceAccount.create is false: name the service account that the operator runs as." .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "galsync.image" -}}
{{- $repository := required "image.repository is required: no image is published yet. Build one with `make image`, push it to your registry, and name it here (image.repository, image.tag or image.digest)." .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "galsync.ownerId" -}}
{{- required "owner.id is required: it names this installation in the mark of every contact that it makes, has no default so that no two installations share one by accident, and must never change afterwards. Lower-case letters, digits, dots and hyphens; for example --set owner.id=contoso-production" .Values.owner.id -}}
{{- end -}}

{{- /* What the pods of the Jobs get: only what is set. */ -}}
{{- define "galsync.jobTemplate" -}}
{{- $template := dict -}}
{{- range $key := list "resources" "priorityClassName" "nodeSelector" "tolerations" "affinity" "podLabels" "podAnnotations" -}}
{{- with index $.Values.jobs $key -}}
{{- $_ := set $template $key . -}}
{{- end -}}
{{- end -}}
{{- with .Values.jobs.imagePullSecrets -}}
{{- $secrets := list -}}
{{- range . -}}{{- $secrets = append $secrets (dict "name" .) -}}{{- end -}}
{{- $_ := set $template "imagePullSecrets" $secrets -}}
{{- end -}}
{{- toYaml $template -}}
{{- end -}}

{{- /* All that the operator may do where it works. It reads no Secrets: those are mounted into the Jobs' pods by name. */ -}}
{{- define "galsync.rules" -}}
- apiGroups: [galsync.dev]
  resources: [galsyncconnectors]
  verbs: [get, list, watch]
# Patch: the finalizer of deletionPolicy: Delete, and by the admission policy nothing else.
- apiGroups: [galsync.dev]
  resources: [galsyncschedules]
  verbs: [get, list, watch, patch]
- apiGroups: [galsync.dev]
  resources: [galsyncruns]
  verbs: [get, list, watch, create, delete]
- apiGroups: [galsync.dev]
  resources: [galsyncconnectors/status, galsyncschedules/status, galsyncruns/status]
  verbs: [patch, update]
# For owner references that block deletion, where the cluster checks them.
- apiGroups: [galsync.dev]
  resources: [galsyncconnectors/finalizers, galsyncschedules/finalizers, galsyncruns/finalizers]
  verbs: [update]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, delete]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, delete]
# How a Job ended stands in its pod's termination message.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
# Why a pod does not start, such as a Secret that is not there.
- apiGroups: [""]
  resources: [events]
  verbs: [list]
# galsync-job and galsync-store, made where the first connector appears.
- apiGroups: [""]
  resources: [serviceaccounts, persistentvolumeclaims]
  verbs: [get, create]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{- /* Labels that the operator puts on the pods of all its Jobs. */ -}}
{{- define "galsync.jobSelectorLabels" -}}
app.kubernetes.io/managed-by: galsync-operator
app.kubernetes.io/component: job
{{- end -}}

{{- /* Where an admission policy holds: in the watched namespaces, or everywhere. */ -}}
{{- define "galsync.watchedNamespaces" -}}
matchResources:
  {{- if .Values.watchNamespaces }}
  namespaceSelector:
    matchExpressions:
      - key: kubernetes.io/metadata.name
        operator: In
        values: {{ toJson .Values.watchNamespaces }}
  {{- else }}
  namespaceSelector: {}
  {{- end }}
{{- end -}}

{{- define "galsync.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "galsync.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end -}}
