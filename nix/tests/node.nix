# A machine by itself with the profile beside this file: a task and a service that say GREETING, or fail at will.
{ nixosModules }:
{ greeting ? "good morning" }:
{ config, lib, ... }:
{
  imports = [ nixosModules.default ];
  services.openssh.enable = true;
  services.klubster = {
    enable = true;
    bundledProfile = config.services.klubster.package.packProfile { src = ./profile; name = "greeter"; };
    settings = {
      node.modes = [ "single-node" ];
      inputs.GREETING = lib.mkDefault greeting;
      recovery.attempts = lib.mkDefault 1;
    };
  };
}
