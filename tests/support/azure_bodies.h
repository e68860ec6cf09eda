/* Bodies as Azure sends them, made from a counter: storage accounts of about 2.2 KB, members in Azure's order. */
#ifndef AZD_TESTS_AZURE_BODIES_H
#define AZD_TESTS_AZURE_BODIES_H

#include "base/buf.h"

enum azure_body_kind {
  AZURE_BODY_PLAIN,
  AZURE_BODY_CHANGED,   /* accepts TLS 1.0 */
  AZURE_BODY_REORDERED, /* firewall rules in another order, which means nothing */
};

static inline void azure_body(struct azd_buf *out, int i, enum azure_body_kind kind) {
  const char *group = "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/rg-platform-weu";
  azd_buf_printf(
      out,
      "{\"name\":\"stplatform%05d\",\"id\":\"%s/providers/Microsoft.Storage/storageAccounts/stplatform%05d\","
      "\"type\":\"Microsoft.Storage/storageAccounts\",\"location\":\"westeurope\",\"kind\":\"StorageV2\","
      "\"sku\":{\"name\":\"Standard_LRS\",\"tier\":\"Standard\"},\"etag\":\"W/\\\"%08x-0000-0700-0000-%012x\\\"\","
      "\"tags\":{\"environment\":\"production\",\"costCenter\":\"%d\",\"owner\":\"platform@example.com\"},",
      i, group, i, (unsigned)i * 2654435761u, (unsigned)i, 4700 + i % 40);
  azd_buf_printf(
      out,
      "\"properties\":{\"provisioningState\":\"Succeeded\",\"supportsHttpsTrafficOnly\":true,"
      "\"minimumTlsVersion\":\"%s\",\"allowBlobPublicAccess\":false,\"accessTier\":\"Hot\","
      "\"creationTime\":\"2026-03-02T08:11:26.1829342Z\",\"primaryLocation\":\"westeurope\",\"statusOfPrimary\":"
      "\"available\","
      "\"encryption\":{\"services\":{\"file\":{\"keyType\":\"Account\",\"enabled\":true,\"lastEnabledTime\":"
      "\"2026-03-02T08:11:26.3391849Z\"},\"blob\":{\"keyType\":\"Account\",\"enabled\":true,\"lastEnabledTime\":"
      "\"2026-03-02T08:11:26.3391849Z\"}},\"keySource\":\"Microsoft.Storage\"},\"networkAcls\":{\"bypass\":"
      "\"AzureServices\","
      "\"defaultAction\":\"Deny\",\"virtualNetworkRules\":[],\"ipRules\":[",
      kind == AZURE_BODY_CHANGED ? "TLS1_0" : "TLS1_2");
  for (int rule = 0; rule < 4; rule++)
    azd_buf_printf(out, "%s{\"value\":\"203.0.%d.%d/28\",\"action\":\"Allow\"}", rule ? "," : "", i % 250,
                   16 * (kind == AZURE_BODY_REORDERED ? 3 - rule : rule));
  azd_buf_append_text(out, "]},\"primaryEndpoints\":{");
  static const char *const services[] = {"dfs", "web", "blob", "queue", "table", "file"};
  for (int s = 0; s < 6; s++)
    azd_buf_printf(out, "%s\"%s\":\"https://stplatform%05d.%s.core.windows.net/\"", s ? "," : "", services[s], i,
                   services[s]);
  azd_buf_append_text(out, "},\"privateEndpointConnections\":[");
  for (int c = 0; c < 2; c++)
    azd_buf_printf(
        out,
        "%s{\"id\":\"%s/providers/Microsoft.Network/privateEndpoints/pe-%d-%d\",\"name\":\"pe-%d-%d\",\"properties\":{"
        "\"privateLinkServiceConnectionState\":{\"status\":\"Approved\",\"actionsRequired\":\"None\"}}}",
        c ? "," : "", group, i, c, i, c);
  azd_buf_printf(out, "],\"sizeGiB\":%d,\"ratio\":%d.%02d}}", i % 4096, i % 7, i % 90 + 10);
}

#endif
