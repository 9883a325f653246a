terraform {
  required_version = ">= 1.9"

  required_providers {
    azapi = {
      source  = "azure/azapi"
      version = "~> 2.0"
    }
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.2"
    }
  }
}

provider "azapi" {}

provider "azurerm" {
  storage_use_azuread = true

  features {
    storage {
      # The accounts are private: what is in them is made through Resource Manager.
      data_plane_available = false
    }
  }
}

data "azurerm_client_config" "current" {}

data "azurerm_resource_group" "main" {
  name = var.resource_group
}
