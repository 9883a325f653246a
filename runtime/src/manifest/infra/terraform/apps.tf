# Flex Consumption hosts one app in a plan.
resource "azurerm_service_plan" "app" {
  # checkov:skip=CKV_AZURE_212: Flex Consumption has as many instances as there is work, down to none
  # checkov:skip=CKV_AZURE_225: not every region has zones, so var.zone_redundant says it
  for_each = local.apps

  name                   = "${var.name}-${each.key}"
  location               = data.azurerm_resource_group.main.location
  resource_group_name    = data.azurerm_resource_group.main.name
  os_type                = "Linux"
  sku_name               = "FC1"
  zone_balancing_enabled = var.zone_redundant
}

resource "azurerm_function_app_flex_consumption" "app" {
  for_each = local.apps

  name                          = "${var.name}-${each.key}"
  location                      = data.azurerm_resource_group.main.location
  resource_group_name           = data.azurerm_resource_group.main.name
  service_plan_id               = azurerm_service_plan.app[each.key].id
  runtime_name                  = "custom"
  runtime_version               = var.runtime_version
  instance_memory_in_mb         = var.instance_memory
  maximum_instance_count        = var.maximum_instances
  https_only                    = true
  public_network_access_enabled = var.public_faces
  virtual_network_subnet_id     = azurerm_subnet.apps.id
  app_settings                  = local.settings[each.key]

  storage_container_type            = "blobContainer"
  storage_container_endpoint        = "${azurerm_storage_account.host[each.key].primary_blob_endpoint}${azurerm_storage_container.package[each.key].name}"
  storage_authentication_type       = "UserAssignedIdentity"
  storage_user_assigned_identity_id = azurerm_user_assigned_identity.app[each.key].id

  webdeploy_publish_basic_authentication_enabled = false

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.app[each.key].id]
  }

  site_config {
    application_insights_connection_string = azurerm_application_insights.main.connection_string
    http2_enabled                          = true
    minimum_tls_version                    = "1.2"
    scm_minimum_tls_version                = "1.2"
  }

  depends_on = [
    azurerm_private_endpoint.data,
    azurerm_private_endpoint.host,
    azurerm_private_endpoint.vault,
    azurerm_role_assignment.granted,
  ]
}

# azurerm cannot say it: without this, references to the vault are looked up as
# an identity that the app does not have.
resource "azapi_update_resource" "vault_reference" {
  for_each = local.vault_readers

  type        = "Microsoft.Web/sites@2024-04-01"
  resource_id = azurerm_function_app_flex_consumption.app[each.key].id

  body = {
    properties = {
      keyVaultReferenceIdentity = azurerm_user_assigned_identity.app[each.key].id
    }
  }
}

resource "azurerm_private_endpoint" "app" {
  for_each = local.apps

  name                = "${var.name}-${each.key}-app"
  location            = data.azurerm_resource_group.main.location
  resource_group_name = data.azurerm_resource_group.main.name
  subnet_id           = azurerm_subnet.endpoints.id

  private_service_connection {
    name                           = "sites"
    private_connection_resource_id = azurerm_function_app_flex_consumption.app[each.key].id
    subresource_names              = ["sites"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "sites"
    private_dns_zone_ids = [azurerm_private_dns_zone.main["sites"].id]
  }
}

resource "azurerm_monitor_diagnostic_setting" "app" {
  for_each = local.apps

  name                       = "to-workspace"
  target_resource_id         = azurerm_function_app_flex_consumption.app[each.key].id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.main.id

  dynamic "enabled_log" {
    for_each = local.logged.app

    content {
      category = enabled_log.value
    }
  }
}
