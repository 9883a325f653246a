# Event hubs: reached from inside the network, by identities, and by no key.
resource "azurerm_eventhub_namespace" "main" {
  name                          = var.events_namespace
  location                      = data.azurerm_resource_group.main.location
  resource_group_name           = data.azurerm_resource_group.main.name
  sku                           = "Standard"
  capacity                      = 1
  auto_inflate_enabled          = true
  maximum_throughput_units      = 4
  local_authentication_enabled  = false
  minimum_tls_version           = "1.2"
  public_network_access_enabled = length(var.allowed_addresses) > 0

  network_rulesets {
    default_action                 = "Deny"
    public_network_access_enabled  = length(var.allowed_addresses) > 0
    trusted_service_access_enabled = false

    dynamic "ip_rule" {
      for_each = var.allowed_addresses

      content {
        ip_mask = ip_rule.value
        action  = "Allow"
      }
    }
  }
}

resource "azurerm_eventhub" "main" {
  for_each = local.hub_names

  name            = each.key
  namespace_id    = azurerm_eventhub_namespace.main.id
  partition_count = local.partitions

  retention_description {
    cleanup_policy          = "Delete"
    retention_time_in_hours = local.event_hours
  }
}

resource "azurerm_eventhub_consumer_group" "main" {
  for_each = local.hub_groups

  name                = each.value.name
  namespace_name      = azurerm_eventhub_namespace.main.name
  eventhub_name       = azurerm_eventhub.main[each.value.hub].name
  resource_group_name = data.azurerm_resource_group.main.name
}

resource "azurerm_private_endpoint" "hubs" {
  name                = "${var.name}-hubs"
  location            = data.azurerm_resource_group.main.location
  resource_group_name = data.azurerm_resource_group.main.name
  subnet_id           = azurerm_subnet.endpoints.id

  private_service_connection {
    name                           = "namespace"
    private_connection_resource_id = azurerm_eventhub_namespace.main.id
    subresource_names              = ["namespace"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "namespace"
    private_dns_zone_ids = [azurerm_private_dns_zone.main["namespace"].id]
  }
}

resource "azurerm_monitor_diagnostic_setting" "hubs" {
  name                       = "to-workspace"
  target_resource_id         = azurerm_eventhub_namespace.main.id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.main.id

  dynamic "enabled_log" {
    for_each = local.logged.hubs

    content {
      category = enabled_log.value
    }
  }
}
