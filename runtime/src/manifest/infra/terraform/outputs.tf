# What publishes an app: func azure functionapp publish NAME --custom
output "apps" {
  description = "The name of each function's app."
  value       = { for function, app in azapi_resource.app : function => app.name }
}

output "faces" {
  description = "Where each app answers."
  value       = { for function, app in azapi_resource.app : function => "https://${app.output.properties.defaultHostName}" }
}

output "vault" {
  description = "Where the secrets' values are put."
  value       = azurerm_key_vault.main.vault_uri
}
