{{- define "lienthong.labels" -}}
app.kubernetes.io/name: lienthong
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* The labels by which the pods of this release are selected; with a process, its pods. */}}
{{- define "lienthong.selector" -}}
app.kubernetes.io/name: lienthong
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .process }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{/* What the schema cannot say: refused before anything is rendered. */}}
{{- define "lienthong.check" -}}
{{- $values := .Values }}
{{- if gt (len .Release.Name) 40 }}
  {{- fail "The name of the release has more than 40 characters, and names of Services are made of it: choose a shorter one." }}
{{- end }}
{{- if not $values.image.repository }}
  {{- fail "Set image.repository: build the image of the Dockerfile, push it where your cluster finds it, and name it here." }}
{{- end }}
{{- if not $values.kafka.bootstrapServers }}
  {{- fail "Set kafka.bootstrapServers: host:port of your Kafka. The chart brings no broker." }}
{{- end }}
{{- range $name := list "bootstrapServers" "outsideBootstrap" }}
  {{- $servers := index $values.kafka $name }}
  {{- if and $servers (not (regexMatch "^[^,:/\\s]+:[0-9]+(,[^,:/\\s]+:[0-9]+)*$" $servers)) }}
    {{- fail (printf "kafka.%s is '%s': write host:port, with commas between several." $name $servers) }}
  {{- end }}
{{- end }}
{{- if regexMatch "(^|,)(localhost|127\\.[0-9.]+):" $values.kafka.bootstrapServers }}
  {{- fail "kafka.bootstrapServers is a loopback address, which in a pod is the pod: name the address at which pods reach your Kafka." }}
{{- end }}
{{- range $service, $secret := $values.secrets }}
  {{- if not $secret }}
    {{- fail (printf "Set secrets.%s: the name of a Secret with the address of the database of this service and its other secrets (docs/helm.md)." $service) }}
  {{- end }}
{{- end }}
{{- if and $values.kafka.caFile (not $values.certificates.configMap) }}
  {{- fail "kafka.caFile names a file of a ConfigMap: set certificates.configMap, too." }}
{{- end }}
{{- if and $values.kafka.caFile (not (hasSuffix "SSL" $values.kafka.securityProtocol)) }}
  {{- fail "kafka.caFile is for encrypted connections: set kafka.securityProtocol to SSL or SASL_SSL, too." }}
{{- end }}
{{- range $name := keys $values.settings | sortAlpha }}
  {{- if not (regexMatch "^(PORTAL|PROVINCE_GATEWAY|IDENTITY|PAYMENT|OTEL)_" $name) }}
    {{- fail (printf "settings.%s is no variable of .env.example that has no value of its own in this chart." $name) }}
  {{- end }}
  {{- if regexMatch "(_SECRET|_DATABASE_URL)$" $name }}
    {{- fail (printf "settings.%s is a secret, and everybody who may read a ConfigMap could read it: put it into the Secret of its service." $name) }}
  {{- end }}
  {{- if regexMatch "(_URL|_DATABASE_POOL|_ENDPOINT)$" $name }}
    {{- fail (printf "settings.%s has a value of its own in this chart: addresses, databasePool or otlpEndpoint." $name) }}
  {{- end }}
{{- end }}
{{- range $service, $address := $values.addresses }}
  {{- if not (regexMatch "^https?://[A-Za-z0-9.-]+(:[0-9]+)?$" $address) }}
    {{- fail (printf "addresses.%s is '%s': write http:// or https://, a host, and a port if it is not the usual one; without a path." $service $address) }}
  {{- end }}
{{- end }}
{{- if ne (len (values $values.addresses | uniq)) 4 }}
  {{- fail "Two of the addresses are the same: each API needs a name or a port of its own, because a path cannot tell them apart." }}
{{- end }}
{{- if $values.ingress.enabled }}
  {{- if not $values.ingress.everybodyMayUseTestEndpoints }}
    {{- fail "An Ingress opens the test endpoints (/_lab), which move clocks and delete sandboxes, to everybody who reaches it. If that is right, set ingress.everybodyMayUseTestEndpoints=true." }}
  {{- end }}
  {{- $hosts := list }}
  {{- range $service, $address := $values.addresses }}
    {{- $host := (urlParse $address).hostname }}
    {{- if regexMatch "^(localhost|[0-9.]+)$" $host }}
      {{- fail (printf "addresses.%s is %s: an Ingress needs the name of a host, such as https://%s.example." $service $address $service) }}
    {{- end }}
    {{- if ne (hasPrefix "https://" $address) (ne $values.ingress.tlsSecret "") }}
      {{- fail (printf "addresses.%s is %s: addresses begin with https:// if ingress.tlsSecret is set, else with http://." $service $address) }}
    {{- end }}
    {{- $hosts = append $hosts $host }}
  {{- end }}
  {{- if ne (len (uniq $hosts)) 4 }}
    {{- fail "Two of the addresses have the same host: an Ingress tells the APIs apart by host." }}
  {{- end }}
  {{- if and $values.networkPolicy.enabled (not $values.networkPolicy.clients) }}
    {{- fail "The NetworkPolicy would keep the Ingress controller out: name its namespace in networkPolicy.clients." }}
  {{- end }}
{{- end }}
{{- end }}
