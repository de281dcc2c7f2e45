# What a package holds: programs, units, D-Bus policy, users, directories.
# The presets install below /usr; nix/package.nix does below its place in the store.

install(TARGETS klubster RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS klubsterd klubster-fetch klubster-unpack klubster-store klubster-peerd klubster-core
        RUNTIME DESTINATION lib/klubster)

foreach(unit klubster.service klubster-peerd.service klubster-hardware.service
        klubster-media.service klubster-reset.service klubster-boot-check.service
        klubster-recovery.target klubster.slice)
  configure_file(units/${unit}.in ${CMAKE_CURRENT_BINARY_DIR}/units/${unit} @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/units/${unit} DESTINATION lib/systemd/system)
endforeach()
install(FILES units/org.klubster.conf DESTINATION share/dbus-1/system.d)
install(FILES units/org.klubster.policy DESTINATION share/polkit-1/actions)
install(FILES units/klubster.sysusers.conf DESTINATION lib/sysusers.d RENAME klubster.conf)
install(FILES units/klubster.tmpfiles.conf DESTINATION lib/tmpfiles.d RENAME klubster.conf)
install(FILES units/klubster-credentials.conf
        DESTINATION lib/systemd/system/klubster.service.d RENAME 50-credentials.conf)
install(PROGRAMS units/klubster-credential-generator
        DESTINATION lib/systemd/system-generators RENAME klubster-credentials)
install(FILES units/90-klubster.rules DESTINATION lib/udev/rules.d)
# Where Debian's zsh looks; elsewhere it may be share/zsh/site-functions.
set(KLUBSTER_ZSH_DIR share/zsh/vendor-completions CACHE STRING "where zsh finds completions")
install(FILES agent/cli/completion/klubster.bash
        DESTINATION share/bash-completion/completions RENAME klubster)
install(FILES agent/cli/completion/_klubster DESTINATION ${KLUBSTER_ZSH_DIR})
install(FILES agent/cli/completion/klubster.fish DESTINATION share/fish/vendor_completions.d)
# Man pages come from the program's own help, where the program that was built can run.
set(KLUBSTER_MANUALS ${CMAKE_CURRENT_BINARY_DIR}/man1)
file(MAKE_DIRECTORY ${KLUBSTER_MANUALS})
if(NOT CMAKE_CROSSCOMPILING AND NOT KLUBSTER_SANITIZE AND NOT KLUBSTER_FUZZ)
  add_custom_command(OUTPUT ${KLUBSTER_MANUALS}/klubster.1
    COMMAND ${CMAKE_COMMAND} -E env KLUBSTER_PROGRAM_DIR=$<TARGET_FILE_DIR:klubster-unpack>
            ${CMAKE_CURRENT_SOURCE_DIR}/cmake/make-manuals $<TARGET_FILE:klubster> ${KLUBSTER_MANUALS}
    DEPENDS klubster klubster-unpack ${CMAKE_CURRENT_SOURCE_DIR}/cmake/make-manuals VERBATIM)
  add_custom_target(manuals ALL DEPENDS ${KLUBSTER_MANUALS}/klubster.1)
endif()
install(DIRECTORY ${KLUBSTER_MANUALS} DESTINATION ${CMAKE_INSTALL_MANDIR})
install(FILES README.md CHANGELOG.md DESTINATION share/doc/klubster OPTIONAL)
install(FILES LICENSE DESTINATION share/doc/klubster RENAME copyright)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME klubster)
set(CPACK_PACKAGE_CONTACT "klubster maintainers <maintainers@klubster.invalid>")
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd (>= 252), dbus, util-linux")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS e2fsprogs)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS polkitd)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_SOURCE_DIR}/cmake/postinst
    ${CMAKE_CURRENT_SOURCE_DIR}/cmake/prerm ${CMAKE_CURRENT_SOURCE_DIR}/cmake/postrm)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
include(CPack)
