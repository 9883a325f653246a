# What the functions keep, what comes in, and their queues.
resource "azurerm_storage_account" "data" {
  # checkov:skip=CKV_AZURE_33: diagnostic settings log it to the workspace, of classic logging there is no need
  name                              = local.data_account
  location                          = data.azurerm_resource_group.main.location
  resource_group_name               = data.azurerm_resource_group.main.name
  account_kind                      = "StorageV2"
  account_tier                      = "Standard"
  account_replication_type          = var.replication
  min_tls_version                   = "TLS1_2"
  https_traffic_only_enabled        = true
  shared_access_key_enabled         = false
  default_to_oauth_authentication   = true
  local_user_enabled                = false
  allow_nested_items_to_be_public   = false
  cross_tenant_replication_enabled  = false
  infrastructure_encryption_enabled = true
  queue_encryption_key_type         = "Account"
  public_network_access_enabled     = length(var.allowed_addresses) > 0

  network_rules {
    default_action = "Deny"
    # Event Grid comes in so.
    bypass   = ["AzureServices"]
    ip_rules = var.allowed_addresses
  }

  blob_properties {
    versioning_enabled = true

    delete_retention_policy {
      days = local.recovery_days
    }

    container_delete_retention_policy {
      days = local.recovery_days
    }
  }

  dynamic "identity" {
    for_each = azurerm_user_assigned_identity.encryption

    content {
      type         = "UserAssigned"
      identity_ids = [identity.value.id]
    }
  }

  dynamic "customer_managed_key" {
    for_each = azurerm_user_assigned_identity.encryption

    content {
      key_vault_key_id          = "${azurerm_key_vault.main.vault_uri}keys/${var.encryption_key}"
      user_assigned_identity_id = customer_managed_key.value.id
    }
  }

  depends_on = [azurerm_private_endpoint.vault, azurerm_role_assignment.encryption]
}

resource "azurerm_storage_container" "data" {
  # checkov:skip=CKV2_AZURE_21: diagnostic settings log it to the workspace, of classic logging there is no need
  for_each = local.containers

  name                  = each.key
  storage_account_id    = azurerm_storage_account.data.id
  container_access_type = "private"
}

resource "azurerm_storage_queue" "data" {
  for_each = local.queues

  name               = each.key
  storage_account_id = azurerm_storage_account.data.id
}

resource "azurerm_private_endpoint" "data" {
  for_each = toset(["blob", "queue"])

  name                = "${var.name}-data-${each.key}"
  location            = data.azurerm_resource_group.main.location
  resource_group_name = data.azurerm_resource_group.main.name
  subnet_id           = azurerm_subnet.endpoints.id

  private_service_connection {
    name                           = each.key
    private_connection_resource_id = azurerm_storage_account.data.id
    subresource_names              = [each.key]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = each.key
    private_dns_zone_ids = [azurerm_private_dns_zone.main[each.key].id]
  }
}

resource "azurerm_monitor_diagnostic_setting" "data" {
  for_each = toset(["blob", "queue"])

  name                       = "to-workspace"
  target_resource_id         = "${azurerm_storage_account.data.id}/${each.key}Services/default"
  log_analytics_workspace_id = azurerm_log_analytics_workspace.main.id

  dynamic "enabled_log" {
    for_each = local.logged.storage

    content {
      category = enabled_log.value
    }
  }
}
