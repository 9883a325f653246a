# The host of Azure Functions keeps leases, keys and the app's package, for each
# app in an account of its own: no app can change what another one runs.
resource "azurerm_storage_account" "host" {
  # checkov:skip=CKV_AZURE_33: diagnostic settings log it to the workspace, of classic logging there is no need
  # checkov:skip=CKV_AZURE_36: none of Azure's services comes in, only the app does
  # checkov:skip=CKV_AZURE_206: what is in it is not kept: publishing the app fills it again
  for_each = local.apps

  name                              = var.host_accounts[each.key]
  location                          = data.azurerm_resource_group.main.location
  resource_group_name               = data.azurerm_resource_group.main.name
  account_kind                      = "StorageV2"
  account_tier                      = "Standard"
  account_replication_type          = var.zone_redundant ? "ZRS" : "LRS"
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
    bypass         = ["None"]
    ip_rules       = var.allowed_addresses
  }

  blob_properties {
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

resource "azurerm_storage_container" "package" {
  # checkov:skip=CKV2_AZURE_21: diagnostic settings log it to the workspace, of classic logging there is no need
  for_each = local.apps

  name                  = "package"
  storage_account_id    = azurerm_storage_account.host[each.key].id
  container_access_type = "private"
}

resource "azurerm_private_endpoint" "host" {
  for_each = local.apps

  name                = "${var.name}-${each.key}-host"
  location            = data.azurerm_resource_group.main.location
  resource_group_name = data.azurerm_resource_group.main.name
  subnet_id           = azurerm_subnet.endpoints.id

  private_service_connection {
    name                           = "blob"
    private_connection_resource_id = azurerm_storage_account.host[each.key].id
    subresource_names              = ["blob"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "blob"
    private_dns_zone_ids = [azurerm_private_dns_zone.main["blob"].id]
  }
}

resource "azurerm_monitor_diagnostic_setting" "host" {
  for_each = local.apps

  name                       = "to-workspace"
  target_resource_id         = "${azurerm_storage_account.host[each.key].id}/blobServices/default"
  log_analytics_workspace_id = azurerm_log_analytics_workspace.main.id

  dynamic "enabled_log" {
    for_each = local.logged.storage

    content {
      category = enabled_log.value
    }
  }
}
