#!/bin/bash
# The shipped rules against the real binary ($AZDRIFT, else build/azdrift). What may never happen: a reordered set, another
# case in an id, a location spelled "East US" or a volatile field shown as drift; an order that matters not shown.
set -u
azdrift=$(realpath "${AZDRIFT:-build/azdrift}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset AZDRIFT_CONFIG AZDRIFT_STORE MONGODB_URL
export NO_COLOR=1
checks=0 failures=0

body() { # type members
  local namespace=${1%%/*} names=${1#*/}
  printf '{"id":"/subscriptions/s/resourceGroups/rg/providers/%s/%s/a","name":"a","type":"%s",%s}\n' \
    "$namespace" "${names//\///a/}" "$1" "$2"
}

# compare EXIT_CODE NAME TYPE OLD NEW [TEXT]: what `azdrift diff $more` answers, and that its JSON says TEXT.
more=
compare() {
  checks=$((checks + 1))
  body "$3" "$4" >old.json
  body "$3" "$5" >new.json
  "$azdrift" diff $more old.json new.json --format json >out 2>err
  local code=$?
  if [ "$code" != "$1" ] || ! grep -qF -- "${6:-}" out; then
    failures=$((failures + 1))
    printf 'not ok: %s: exit code %s, not %s%s\n' "$2" "$code" "$1" "${6:+, or does not say $6}"
    head -c 600 out err
  fi
}

NET=Microsoft.Network/virtualNetworks VM=Microsoft.Compute/virtualMachines SITE=Microsoft.Web/sites

compare 0 "a reordered set" $NET '"properties":{"addressSpace":{"addressPrefixes":["10.0.0.0/16","10.1.0.0/16"]}}' \
  '"properties":{"addressSpace":{"addressPrefixes":["10.1.0.0/16","10.0.0.0/16"]}}'
compare 2 "a reordered list" $NET '"properties":{"dhcpOptions":{"dnsServers":["10.0.0.4","10.0.0.5"]}}' \
  '"properties":{"dhcpOptions":{"dnsServers":["10.0.0.5","10.0.0.4"]}}' dnsServers
compare 0 "reordered children" $NET '"properties":{"subnets":[{"name":"a"},{"name":"b"}]}' \
  '"properties":{"subnets":[{"name":"b"},{"name":"a"}]}'
compare 2 "a new child" $NET '"properties":{"subnets":[{"name":"a"}]}' '"properties":{"subnets":[{"name":"b"},{"name":"a"}]}' \
  'subnets[name=b]'
compare 0 "another case in an id" $VM '"properties":{"availabilitySet":{"id":"/subscriptions/s/resourceGroups/RG/x/y"}}' \
  '"properties":{"availabilitySet":{"id":"/subscriptions/s/resourceGroups/rg/x/y"}}'
compare 2 "another id" $VM '"properties":{"availabilitySet":{"id":"/subscriptions/s/resourceGroups/rg/x/y"}}' \
  '"properties":{"availabilitySet":{"id":"/subscriptions/s/resourceGroups/rg/x/z"}}'
compare 0 "a location's display form" $NET '"location":"East US"' '"location":"eastus"'
compare 2 "another location" $NET '"location":"eastus"' '"location":"westus"'
compare 0 "stamps and audit fields" $NET '"etag":"1","systemData":{"lastModifiedAt":"2026-01-01T00:00:00Z"}' \
  '"etag":"2","systemData":{"lastModifiedAt":"2026-01-02T00:00:00Z"}'
compare 0 "an instant in another spelling" $VM '"properties":{"x":"2026-01-01T00:00:00Z"}' \
  '"properties":{"x":"2026-01-01T00:00:00.000+00:00"}'
compare 0 "null, absent and empty" $NET '"tags":null,"properties":{"subnets":[]}' '"properties":{}'
compare 2 "a tag with an empty value" $NET '"tags":{}' '"tags":{"keep":""}' keep
compare 0 "a tag of the platform" $NET '"tags":{}' '"tags":{"hidden-title":"x"}'
compare 2 "a person's tag called updatedAt" $NET '"tags":{"updatedAt":"monday"}' '"tags":{"updatedAt":"tuesday"}' updatedAt
compare 0 "observed state alone" $SITE '"properties":{"state":"Running"}' '"properties":{"state":"Stopped"}'
compare 2 "a principal that changed" $VM '"identity":{"type":"SystemAssigned","principalId":"p1"}' \
  '"identity":{"type":"SystemAssigned","principalId":"p2"}' principalId
compare 2 "a connection that was approved" Microsoft.Storage/storageAccounts \
  '"properties":{"privateEndpointConnections":[{"name":"c","properties":{"privateLinkServiceConnectionState":{"status":"Pending"}}}]}' \
  '"properties":{"privateEndpointConnections":[{"name":"c","properties":{"privateLinkServiceConnectionState":{"status":"Approved"}}}]}' \
  Approved
compare 0 "the autoscaler's count" Microsoft.ContainerService/managedClusters/agentPools \
  '"properties":{"enableAutoScaling":true,"minCount":1,"maxCount":9,"count":3}' \
  '"properties":{"enableAutoScaling":true,"minCount":1,"maxCount":9,"count":7}'
compare 2 "a count outside its bounds" Microsoft.ContainerService/managedClusters/agentPools \
  '"properties":{"enableAutoScaling":true,"minCount":1,"maxCount":5,"count":3}' \
  '"properties":{"enableAutoScaling":true,"minCount":1,"maxCount":5,"count":7}' count
compare 2 "a count that a person sets" Microsoft.ContainerService/managedClusters/agentPools \
  '"properties":{"enableAutoScaling":false,"count":3}' '"properties":{"enableAutoScaling":false,"count":7}' count
compare 2 "another machine, by rules alone" $VM '"properties":{"vmId":"1"}' '"properties":{"vmId":"2"}' '"kind":"changed"'
more=--policies
compare 2 "a machine made again under its name" $VM '"properties":{"vmId":"1"}' '"properties":{"vmId":"2"}' '"kind":"recreated"'
more='--show effects'
compare 0 "a machine that was stopped" Microsoft.Compute/disks '"properties":{"diskState":"Attached"}' '"properties":{"diskState":"Reserved"}' \
  '"kind":"state"'
more=
compare 0 "a guid that an update writes anew" Microsoft.Network/serviceEndpointPolicies '"properties":{"resourceGuid":"1"}' \
  '"properties":{"resourceGuid":"2"}'
compare 2 "a secret that was rotated" Microsoft.Insights/components '"properties":{"InstrumentationKey":"11111111-1"}' \
  '"properties":{"InstrumentationKey":"22222222-2"}' redacted
if grep -q 22222222 out; then failures=$((failures + 1)); echo "not ok: a secret is printed"; fi

[ "$failures" = 0 ] && echo "$checks comparisons as they should be"
exit "$failures"
