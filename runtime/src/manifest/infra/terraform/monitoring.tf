resource "azurerm_log_analytics_workspace" "main" {
  name                         = "${var.name}-logs"
  location                     = data.azurerm_resource_group.main.location
  resource_group_name          = data.azurerm_resource_group.main.name
  sku                          = "PerGB2018"
  retention_in_days            = local.retention_days
  local_authentication_enabled = false
}

# Takes telemetry of identities that may publish, and of no key.
resource "azurerm_application_insights" "main" {
  name                         = "${var.name}-insights"
  location                     = data.azurerm_resource_group.main.location
  resource_group_name          = data.azurerm_resource_group.main.name
  application_type             = "other"
  workspace_id                 = azurerm_log_analytics_workspace.main.id
  retention_in_days            = local.retention_days
  local_authentication_enabled = false
}
