# What is secret. Its values are put there by hand, and so are in no state.
resource "azurerm_key_vault" "main" {
  # checkov:skip=CKV_AZURE_189: off, unless var.allowed_addresses names who comes in
  name                          = var.vault_name
  location                      = data.azurerm_resource_group.main.location
  resource_group_name           = data.azurerm_resource_group.main.name
  tenant_id                     = data.azurerm_client_config.current.tenant_id
  sku_name                      = "standard"
  rbac_authorization_enabled    = true
  purge_protection_enabled      = true
  soft_delete_retention_days    = local.vault_recovery_days
  public_network_access_enabled = length(var.allowed_addresses) > 0

  network_acls {
    default_action = "Deny"
    # The accounts read their key so.
    bypass   = "AzureServices"
    ip_rules = var.allowed_addresses
  }
}

resource "azurerm_private_endpoint" "vault" {
  name                = "${var.name}-vault"
  location            = data.azurerm_resource_group.main.location
  resource_group_name = data.azurerm_resource_group.main.name
  subnet_id           = azurerm_subnet.endpoints.id

  private_service_connection {
    name                           = "vault"
    private_connection_resource_id = azurerm_key_vault.main.id
    subresource_names              = ["vault"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "vault"
    private_dns_zone_ids = [azurerm_private_dns_zone.main["vault"].id]
  }
}

resource "azurerm_monitor_diagnostic_setting" "vault" {
  name                       = "to-workspace"
  target_resource_id         = azurerm_key_vault.main.id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.main.id

  dynamic "enabled_log" {
    for_each = local.logged.vault

    content {
      category = enabled_log.value
    }
  }
}

resource "azurerm_role_assignment" "encryption" {
  count = var.encryption_key == "" ? 0 : 1

  scope                = "${azurerm_key_vault.main.id}/keys/${var.encryption_key}"
  role_definition_name = "Key Vault Crypto Service Encryption User"
  principal_id         = azurerm_user_assigned_identity.encryption[0].principal_id
  principal_type       = "ServicePrincipal"
}
