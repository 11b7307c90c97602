	.file	"smoke.c"
	.text
	.section	.rodata.str1.8,"aMS",@progbits,1
	.align 8
.LC0:
	.string	"ae_network_create(&r.network, AE_NETWORK_OPTIONS(.widths = widths, .width_count = 5, .kernels = kernels)) == AE_OK"
	.section	.rodata.str1.1,"aMS",@progbits,1
.LC1:
	.string	"tests/ports/smoke.c"
.LC2:
	.string	"%s:%d: %s: %s\n"
	.section	.rodata.str1.8
	.align 8
.LC3:
	.string	"ae_optimizer_create_adam(&r.adam, NULL) == AE_OK"
	.align 8
.LC4:
	.string	"ae_trainer_create( &r.trainer, r.network, r.adam, digits, AE_TRAINER_OPTIONS(.batch = 50, .epochs = EPOCHS, .threads = threads)) == AE_OK"
	.text
	.type	begin, @function
begin:
	pushq	%r12
	pushq	%rbp
	pushq	%rbx
	subq	$400, %rsp
	movq	%rdi, %rbx
	movq	%rsi, %rbp
	movq	%rcx, %r12
	movq	$0, 368(%rsp)
	movq	$0, 376(%rsp)
	movq	$0, 384(%rsp)
	movq	$784, 320(%rsp)
	movq	$64, 328(%rsp)
	movq	$4, 336(%rsp)
	movq	$64, 344(%rsp)
	movq	$784, 352(%rsp)
	leaq	24(%rsp), %rdi
	movl	$12, %ecx
	movl	$0, %eax
	rep stosq
	movq	$120, (%rsp)
	leaq	320(%rsp), %rax
	movq	%rax, 8(%rsp)
	movq	$5, 16(%rsp)
	movq	%rdx, 88(%rsp)
	movq	%rsp, %rsi
	leaq	368(%rsp), %rdi
	call	ae_network_create@PLT
	testl	%eax, %eax
	jne	.L6
	leaq	376(%rsp), %rdi
	movl	$0, %esi
	call	ae_optimizer_create_adam@PLT
	testl	%eax, %eax
	jne	.L7
	movq	%rsp, %rdi
	movl	$40, %ecx
	movl	$0, %eax
	rep stosq
	movq	$320, (%rsp)
	movq	$50, 8(%rsp)
	movq	$4, 16(%rsp)
	movq	%r12, 32(%rsp)
	leaq	384(%rsp), %rdi
	movq	%rsp, %r8
	movq	%rbp, %rcx
	movq	376(%rsp), %rdx
	movq	368(%rsp), %rsi
	call	ae_trainer_create@PLT
	testl	%eax, %eax
	jne	.L8
	movdqa	368(%rsp), %xmm0
	movups	%xmm0, (%rbx)
	movq	384(%rsp), %rax
	movq	%rax, 16(%rbx)
	movq	%rbx, %rax
	addq	$400, %rsp
	popq	%rbx
	popq	%rbp
	popq	%r12
	ret
.L6:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC0(%rip), %r8
	movl	$36, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L7:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC3(%rip), %r8
	movl	$38, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L8:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC4(%rip), %r8
	movl	$39, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
	.size	begin, .-begin
	.type	end, @function
end:
	pushq	%rbx
	movq	%rdi, %rbx
	movq	16(%rdi), %rdi
	call	ae_trainer_free@PLT
	movq	8(%rbx), %rdi
	call	ae_optimizer_free@PLT
	movq	(%rbx), %rdi
	call	ae_network_free@PLT
	popq	%rbx
	ret
	.size	end, .-end
	.section	.rodata.str1.1
.LC5:
	.string	"argc == 2"
.LC6:
	.string	"a.safetensors"
.LC7:
	.string	"b.safetensors"
.LC8:
	.string	"c.safetensors"
.LC9:
	.string	"%s/%s"
	.section	.rodata.str1.8
	.align 8
.LC10:
	.string	"snprintf(path[i], sizeof path[i], \"%s/%s\", argv[1], names[i]) > 0"
	.align 8
.LC11:
	.string	"ae_dataset_create_digits(&digits, ROWS, 1) == AE_OK"
	.align 8
.LC12:
	.string	"ae_trainer_run(r.trainer) == AE_OK"
	.align 8
.LC13:
	.string	"ae_trainer_get_epoch(r.trainer, 0, &first) == AE_OK"
	.align 8
.LC14:
	.string	"ae_trainer_get_epoch(r.trainer, EPOCHS - 1, &last) == AE_OK"
	.align 8
.LC15:
	.string	"last.train_cost < first.train_cost"
	.align 8
.LC16:
	.string	"ae_network_save(r.network, path[0]) == AE_OK"
	.align 8
.LC17:
	.string	"ae_trainer_run_step(r.trainer, NULL) == AE_OK"
	.align 8
.LC18:
	.string	"ae_trainer_save_checkpoint(r.trainer, path[1]) == AE_OK"
	.align 8
.LC19:
	.string	"ae_trainer_resume(r.trainer, path[1]) == AE_OK"
	.align 8
.LC20:
	.string	"ae_network_save(r.network, path[2]) == AE_OK"
	.section	.rodata.str1.1
.LC21:
	.string	"rb"
	.section	.rodata.str1.8
	.align 8
.LC22:
	.string	"files[0] != NULL && files[1] != NULL"
	.section	.rodata.str1.1
.LC23:
	.string	"same_file(path[0], path[2])"
	.section	.rodata.str1.8
	.align 8
.LC24:
	.string	"%-10s cost %.4f, then %.4f; resumed to the same bytes\n"
	.align 8
.LC25:
	.string	"ae_network_load(&network, path[0], NULL) == AE_OK"
	.align 8
.LC26:
	.string	"ae_session_create(&session, network, NULL) == AE_OK"
	.align 8
.LC27:
	.string	"ae_dataset_read(digits, 0, ROWS, rows) == AE_OK"
	.align 8
.LC28:
	.string	"ae_session_reconstruct(session, rows, ROWS, again) == AE_OK"
	.align 8
.LC29:
	.string	"ae_csv_write(path[1], again, ROWS, WIDTH, NULL) == AE_OK"
	.section	.rodata.str1.1
.LC30:
	.string	"nowhere.safetensors"
	.section	.rodata.str1.8
	.align 8
.LC31:
	.string	"ae_network_load(&network, \"nowhere.safetensors\", NULL) == AE_ERROR_NOT_FOUND"
	.align 8
.LC32:
	.string	"strstr(ae_last_error(), \"nowhere.safetensors\") != NULL"
	.text
	.globl	main
	.type	main, @function
main:
	pushq	%r15
	pushq	%r14
	pushq	%r13
	pushq	%r12
	pushq	%rbp
	pushq	%rbx
	subq	$296, %rsp
	cmpl	$2, %edi
	jne	.L47
	movq	%rsi, %rbp
	leaq	.LC6(%rip), %rax
	movq	%rax, 256(%rsp)
	leaq	.LC7(%rip), %rax
	movq	%rax, 264(%rsp)
	leaq	.LC8(%rip), %rax
	movq	%rax, 272(%rsp)
	movl	$0, %ebx
	leaq	path(%rip), %r13
	leaq	.LC9(%rip), %r12
.L14:
	movq	8(%rbp), %rcx
	movq	%rbx, %rdi
	salq	$9, %rdi
	addq	%r13, %rdi
	movq	256(%rsp,%rbx,8), %r8
	movq	%r12, %rdx
	movl	$512, %esi
	movl	$0, %eax
	call	snprintf@PLT
	testl	%eax, %eax
	jle	.L48
	addq	$1, %rbx
	cmpq	$3, %rbx
	jne	.L14
	movq	$0, 248(%rsp)
	leaq	248(%rsp), %rdi
	movl	$1, %edx
	movl	$200, %esi
	call	ae_dataset_create_digits@PLT
	testl	%eax, %eax
	jne	.L49
	movl	$0, %r15d
	jmp	.L15
.L47:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC5(%rip), %r8
	movl	$94, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L48:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC10(%rip), %r8
	movl	$97, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L49:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC11(%rip), %r8
	movl	$99, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L52:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC12(%rip), %r8
	movl	$70, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L53:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC13(%rip), %r8
	movl	$71, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L54:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC14(%rip), %r8
	movl	$72, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L55:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC15(%rip), %r8
	movl	$73, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L56:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC16(%rip), %r8
	movl	$74, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L57:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC17(%rip), %r8
	movl	$78, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L58:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC18(%rip), %r8
	movl	$79, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L59:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC19(%rip), %r8
	movl	$82, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L60:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC12(%rip), %r8
	movl	$83, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L61:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC20(%rip), %r8
	movl	$84, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L40:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC22(%rip), %r8
	movl	$55, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L41:
	movq	%r13, %rdi
	call	fclose@PLT
	movq	%r12, %rdi
	call	fclose@PLT
	cmpl	%ebp, %ebx
	jne	.L50
	movsd	152(%rsp), %xmm1
	movsd	56(%rsp), %xmm0
	movq	%r14, %rsi
	leaq	.LC24(%rip), %rdi
	movl	$2, %eax
	call	printf@PLT
	addq	$1, %r15
.L15:
	call	ae_kernels_count@PLT
	cmpq	%rax, %r15
	jnb	.L51
	movq	%r15, %rdi
	call	ae_kernels_name@PLT
	movq	%rax, %r14
	movq	248(%rsp), %r12
	leaq	40(%rsp), %rdi
	movl	$0, %eax
	movl	$11, %ecx
	rep stosq
	movq	$96, 32(%rsp)
	leaq	136(%rsp), %rdi
	movl	$11, %ecx
	rep stosq
	movq	$96, 128(%rsp)
	movq	%rsp, %rdi
	movl	$1, %ecx
	movq	%r14, %rdx
	movq	%r12, %rsi
	call	begin
	movq	16(%rsp), %rbx
	movq	%rbx, %rdi
	call	ae_trainer_run@PLT
	testl	%eax, %eax
	jne	.L52
	leaq	32(%rsp), %rdx
	movl	$0, %esi
	movq	%rbx, %rdi
	call	ae_trainer_get_epoch@PLT
	testl	%eax, %eax
	jne	.L53
	leaq	128(%rsp), %rdx
	movl	$3, %esi
	movq	%rbx, %rdi
	call	ae_trainer_get_epoch@PLT
	testl	%eax, %eax
	jne	.L54
	movsd	56(%rsp), %xmm0
	comisd	152(%rsp), %xmm0
	jbe	.L55
	leaq	path(%rip), %rsi
	movq	(%rsp), %rdi
	call	ae_network_save@PLT
	testl	%eax, %eax
	jne	.L56
	movq	%rsp, %rbx
	movq	%rbx, %rdi
	call	end
	movl	$2, %ecx
	movq	%r14, %rdx
	movq	%r12, %rsi
	movq	%rbx, %rdi
	call	begin
	movl	$5, %ebx
.L22:
	movq	16(%rsp), %rbp
	movl	$0, %esi
	movq	%rbp, %rdi
	call	ae_trainer_run_step@PLT
	testl	%eax, %eax
	jne	.L57
	subl	$1, %ebx
	jne	.L22
	leaq	512+path(%rip), %rsi
	movq	%rbp, %rdi
	call	ae_trainer_save_checkpoint@PLT
	testl	%eax, %eax
	jne	.L58
	movq	%rsp, %rbx
	movq	%rbx, %rdi
	call	end
	movl	$2, %ecx
	movq	%r14, %rdx
	movq	%r12, %rsi
	movq	%rbx, %rdi
	call	begin
	movq	16(%rsp), %rbx
	leaq	512+path(%rip), %rsi
	movq	%rbx, %rdi
	call	ae_trainer_resume@PLT
	testl	%eax, %eax
	jne	.L59
	movq	%rbx, %rdi
	call	ae_trainer_run@PLT
	testl	%eax, %eax
	jne	.L60
	leaq	1024+path(%rip), %rsi
	movq	(%rsp), %rdi
	call	ae_network_save@PLT
	testl	%eax, %eax
	jne	.L61
	movq	%rsp, %rdi
	call	end
	leaq	.LC21(%rip), %rsi
	leaq	path(%rip), %rdi
	call	fopen@PLT
	movq	%rax, %r13
	leaq	.LC21(%rip), %rsi
	leaq	1024+path(%rip), %rdi
	call	fopen@PLT
	movq	%rax, %r12
	testq	%rax, %rax
	je	.L40
	testq	%r13, %r13
	je	.L40
.L27:
	movq	%r13, %rdi
	call	getc@PLT
	movl	%eax, %ebx
	movq	%r12, %rdi
	call	getc@PLT
	movl	%eax, %ebp
	cmpl	%eax, %ebx
	jne	.L41
	cmpl	$-1, %ebx
	jne	.L27
	jmp	.L41
.L50:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC23(%rip), %r8
	movl	$86, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L51:
	movq	$0, 240(%rsp)
	movq	$0, 232(%rsp)
	leaq	240(%rsp), %rdi
	movl	$0, %edx
	leaq	path(%rip), %rsi
	call	ae_network_load@PLT
	testl	%eax, %eax
	jne	.L62
	leaq	232(%rsp), %rdi
	movl	$0, %edx
	movq	240(%rsp), %rsi
	call	ae_session_create@PLT
	testl	%eax, %eax
	jne	.L63
	leaq	rows.1(%rip), %rcx
	movl	$200, %edx
	movl	$0, %esi
	movq	248(%rsp), %rdi
	call	ae_dataset_read@PLT
	testl	%eax, %eax
	jne	.L64
	leaq	again.0(%rip), %rcx
	movl	$200, %edx
	leaq	rows.1(%rip), %rsi
	movq	232(%rsp), %rdi
	call	ae_session_reconstruct@PLT
	testl	%eax, %eax
	jne	.L65
	movl	$0, %r8d
	movl	$784, %ecx
	movl	$200, %edx
	leaq	again.0(%rip), %rsi
	leaq	512+path(%rip), %rdi
	call	ae_csv_write@PLT
	testl	%eax, %eax
	jne	.L66
	leaq	240(%rsp), %rdi
	movl	$0, %edx
	leaq	.LC30(%rip), %rsi
	call	ae_network_load@PLT
	cmpl	$-4, %eax
	jne	.L67
	call	ae_last_error@PLT
	movq	%rax, %rdi
	leaq	.LC30(%rip), %rsi
	call	strstr@PLT
	testq	%rax, %rax
	je	.L68
	movq	232(%rsp), %rdi
	call	ae_session_free@PLT
	movq	240(%rsp), %rdi
	call	ae_network_free@PLT
	movq	248(%rsp), %rdi
	call	ae_dataset_free@PLT
	movl	$0, %eax
	addq	$296, %rsp
	popq	%rbx
	popq	%rbp
	popq	%r12
	popq	%r13
	popq	%r14
	popq	%r15
	ret
.L62:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC25(%rip), %r8
	movl	$104, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L63:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC26(%rip), %r8
	movl	$105, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L64:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC27(%rip), %r8
	movl	$106, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L65:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC28(%rip), %r8
	movl	$107, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L66:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC29(%rip), %r8
	movl	$108, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L67:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC31(%rip), %r8
	movl	$109, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
.L68:
	call	ae_last_error@PLT
	movq	%rax, %r9
	leaq	.LC32(%rip), %r8
	movl	$110, %ecx
	leaq	.LC1(%rip), %rdx
	leaq	.LC2(%rip), %rsi
	movq	stderr(%rip), %rdi
	movl	$0, %eax
	call	fprintf@PLT
	movl	$1, %edi
	call	exit@PLT
	.size	main, .-main
	.local	again.0
	.comm	again.0,627200,32
	.local	rows.1
	.comm	rows.1,627200,32
	.local	path
	.comm	path,1536,32
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.section	.note.GNU-stack,"",@progbits
