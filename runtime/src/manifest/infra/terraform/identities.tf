# Each app has an identity of its own, for what its function touches.
resource "azurerm_user_assigned_identity" "app" {
  for_each = local.apps

  name                = "${var.name}-${each.key}"
  location            = data.azurerm_resource_group.main.location
  resource_group_name = data.azurerm_resource_group.main.name
}

# Event Grid's, which tells queues what came in.
resource "azurerm_user_assigned_identity" "events" {
  count = length(local.subscriptions) > 0 ? 1 : 0

  name                = "${var.name}_events"
  location            = data.azurerm_resource_group.main.location
  resource_group_name = data.azurerm_resource_group.main.name
}

# The accounts', where a key of the vault encrypts them.
resource "azurerm_user_assigned_identity" "encryption" {
  count = var.encryption_key == "" ? 0 : 1

  name                = "${var.name}_encryption"
  location            = data.azurerm_resource_group.main.location
  resource_group_name = data.azurerm_resource_group.main.name
}
