/** Programs, by what has to follow for a line to do something. */
import { words } from './words.ts';

/** Do something on their own: they tell of the machine, or stop it. */
export const ALONE: ReadonlySet<string> = words(`
  id whoami ls dir pwd uname ifconfig ipconfig netstat ps env printenv hostname arp route systeminfo
  tasklist ver lsof mount df uptime reboot shutdown halt poweroff sh bash zsh dash ksh csh tcsh cmd powershell pwsh false
  ipaddr lscpu lsblk dmesg last groups users set export history phpinfo qwinsta nltest gpresult whoami.exe true
  busybox vol wmic python python2 python3 perl ruby php node lua irb
  nslookup netcat ftp telnet jobs getent crontab
`);

/** Of those, words that ordinary text has, too: alone they need more than one separator. */
export const COMMON: ReadonlySet<string> = words(
  'id htop top ss true false last users groups set export history env mount route ver dash vol node python ruby perl php sh dir cmd halt jobs lua',
);

/** Do something with a path, an option or an address. */
export const WITH_ARGUMENT: ReadonlySet<string> = words(`
  cat tac more less head tail nl od xxd hexdump strings base64 base32 rev sort uniq cut paste awk gawk mawk sed grep egrep fgrep
  find findstr xargs tee cp mv rm ln mkdir rmdir touch chmod chown chgrp tar zip unzip gzip gunzip bzip2 dd
  gdb ltrace perf c89 c99 regedit bcdedit bcdboot iptables mkfifo mknod chpasswd smbclient lftp
  ansible ansible-playbook chef-client
  curl wget fetch nc ncat netcat socat telnet ssh scp sftp rsync ftp tftp ping ping6 traceroute tracert nslookup dig host nmap
  sleep timeout usleep kill killall pkill nohup sudo su doas env eval exec source command builtin declare
  echo printf read test sh bash zsh dash ksh csh cmd python python2 python3 perl ruby php node lua java gcc cc make awk
  useradd adduser usermod passwd net netsh reg sc schtasks wmic wevtutil type copy del erase ren move icacls attrib certutil bitsadmin
  mshta rundll32 regsvr32 cscript wscript powershell pwsh start call whereis which file stat locate
  mail sendmail mysql psql sqlite3 mysqldump git svn docker kubectl systemctl service crontab at openssl gpg vi vim ed
  ls dir id uname hostname ps netstat ifconfig ipconfig set export cd lynx links w3m aria2c arp
  iwr iex invoke-webrequest invoke-expression invoke-command get-content get-childitem get-process start-process new-object nsenter chroot setsid script expect tclsh time watch strace ldd cpio pax busybox shred wall write xterm ifs tasklist taskkill systeminfo
`);

/** Of those, what Windows has: only there the case does not matter. */
export const WINDOWS: ReadonlySet<string> = words(`
  dir type net netsh ipconfig systeminfo tasklist ver vol reg sc wmic powershell pwsh cmd whoami ping copy del erase
  echo hostname netstat nslookup tracert arp route set start call findstr certutil bitsadmin mshta rundll32 cscript wscript
`);

/** Functions of languages that run text as code or as a command. */
export const CODE_CALL: RegExp =
  /(?:^|[^\w$>.-]|\.)(system|exec|passthru|shell_exec|popen|proc_open|pcntl_exec|eval|assert|phpinfo|phpversion|call_user_func(?:_array)?|create_function|preg_replace|file_get_contents|file_put_contents|readfile|fopen|base64_decode|execfile|compile|__import__|execSync|spawn(?:Sync)?|child_process|require|include(?:_once)?|getRuntime|os\.system|subprocess\.\w{2,12}|os\.popen|print|var_dump|sleep|die|md5|usleep|instance_eval|class_eval|Execute|ExecuteGlobal|MsgBox|CreateObject|WScript\.Shell|Process\.spawn|IO\.popen|open)\s{0,4}\(/i;

/** Whether a word, in lower case, is a program that is known here. */
export function isProgram(word: string): boolean {
  return ALONE.has(word) || WITH_ARGUMENT.has(word);
}
