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

# azurerm's own resource sets AzureWebJobsStorage to a connection string without
# a key, which the host then takes in place of the identity, and cannot say whose
# references to the vault are (hashicorp/terraform-provider-azurerm, issues 29693
# and 28928).
resource "azapi_resource" "app" {
  for_each = local.apps

  type      = "Microsoft.Web/sites@2024-04-01"
  name      = "${var.name}-${each.key}"
  location  = data.azurerm_resource_group.main.location
  parent_id = data.azurerm_resource_group.main.id

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.app[each.key].id]
  }

  body = {
    kind = "functionapp,linux"
    properties = {
      serverFarmId           = azurerm_service_plan.app[each.key].id
      httpsOnly              = true
      publicNetworkAccess    = var.public_faces ? "Enabled" : "Disabled"
      virtualNetworkSubnetId = azurerm_subnet.apps.id
      # Without it the vault would be asked as an identity that the app does not have.
      keyVaultReferenceIdentity = azurerm_user_assigned_identity.app[each.key].id
      functionAppConfig = {
        deployment = {
          storage = {
            type  = "blobContainer"
            value = "${azurerm_storage_account.host[each.key].primary_blob_endpoint}${azurerm_storage_container.package[each.key].name}"
            authentication = {
              type                           = "UserAssignedIdentity"
              userAssignedIdentityResourceId = azurerm_user_assigned_identity.app[each.key].id
            }
          }
        }
        runtime = {
          name    = "custom"
          version = var.runtime_version
        }
        scaleAndConcurrency = {
          instanceMemoryMB     = var.instance_memory
          maximumInstanceCount = var.maximum_instances
        }
      }
      siteConfig = {
        appSettings            = [for name, value in local.settings[each.key] : { name = name, value = value }]
        ftpsState              = "Disabled"
        http20Enabled          = true
        minTlsVersion          = "1.2"
        scmMinTlsVersion       = "1.2"
        remoteDebuggingEnabled = false
      }
    }
  }

  response_export_values = ["properties.defaultHostName"]

  depends_on = [
    azurerm_private_endpoint.data,
    azurerm_private_endpoint.host,
    azurerm_private_endpoint.vault,
    azurerm_role_assignment.granted,
  ]
}

# Nobody publishes by a password.
resource "azapi_update_resource" "publishing" {
  for_each = { for pair in setproduct(local.apps, ["ftp", "scm"]) : join("-", pair) => pair }

  type      = "Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01"
  name      = each.value[1]
  parent_id = azapi_resource.app[each.value[0]].id

  body = {
    properties = {
      allow = false
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
    private_connection_resource_id = azapi_resource.app[each.key].id
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
  target_resource_id         = azapi_resource.app[each.key].id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.main.id

  dynamic "enabled_log" {
    for_each = local.logged.app

    content {
      category = enabled_log.value
    }
  }
}
