# An image for any machine: klubster, K3s, and the profile that forms a cluster of it. Which node a machine is, it
# learns at its first boot: from a medium labelled KLUBSTER, from credentials of the virtual machine's host, or from
# the kernel command line (docs/media.md).
#
#   config.system.build.images.qemu-efi      a disk for virtual machines and bare metal (qcow2, EFI)
#   config.system.build.images.iso           a disc or stick; it keeps nothing: its root is in memory
{ config, lib, ... }:
{
  imports = [ ./k3s.nix ];

  # nixpkgs' own default is a disc that only a BIOS starts.
  image.modules.iso.isoImage = {
    makeEfiBootable = true;
    makeUsbBootable = true;
  };

  hardware.enableAllHardware = lib.mkDefault true;
  networking.hostName = lib.mkDefault "";
  networking.useDHCP = lib.mkDefault true;

  services.klubster = {
    enable = true;
    completedAtBoot = true;
    k3s.enable = true;
    openFirewall = true;
    importFirmwareCredentials = true;
    bundledProfile = lib.mkDefault (
      config.services.klubster.package.packProfile { src = ../examples/profiles/k3s; name = "k3s"; }
    );
  };

  # The screen shows how the node is (node/console); the way in is ssh, with a key that the system credential
  # ssh.authorized_keys.root brings.
  systemd.tmpfiles.rules = [
    "d /root/.ssh 0700 root root -"
    "f^ /root/.ssh/authorized_keys 0600 root root - ssh.authorized_keys.root"
  ];
  services.openssh = {
    enable = true;
    settings.PermitRootLogin = lib.mkDefault "prohibit-password";
  };
  boot.kernelParams = [ "console=tty0" "console=ttyS0,115200" ];
  # A medium may be any of them.
  boot.supportedFilesystems = [ "vfat" "iso9660" "ext4" ];

  system.stateVersion = lib.mkDefault "25.11";
}
